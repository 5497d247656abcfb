"""Opens an uploaded template: bare Lottie JSON, .lottie (versions 1 and 2), or a zip of Lottie files."""

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from contracts.spec import Warning
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import names
from node_worker.engines.lottie.guard import parse
from node_worker.engines.lottie.playback import Playback, of_entry, of_machine
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.themes import doubts
from node_worker.inspect.documents import MAX_DOCUMENT

Format = Literal["lottie-json", "dotlottie-1", "dotlottie-2", "zip"]

_MAX_ENTRIES = 2000
_MAX_FILE = 128 << 20  # bytes, uncompressed
_MAX_TOTAL = 512 << 20
_MAX_RATIO = 250  # real Lottie JSON stays below 100; deflate's own limit is 1032
_RATIO_FREE = 1 << 20  # small files may be as repetitive as they like
_CHUNK = 1 << 20
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".svg", ".tif", ".tiff", ".avif", ".heic", ".heif"})
_FONTS = frozenset({".ttf", ".otf", ".ttc", ".woff", ".woff2"})
_KEPT = frozenset({".json", ".lottie"}) | _PICTURES | _FONTS
_LONGEST, _LONGEST_PART = 400, 200  # characters of a file's name in an archive, and bytes of one part of it
_BAD_NAME = re.compile(r"[\x00-\x1f\\:]|^/|(^|/)\.\.(/|$)")


class Animation(msgspec.Struct, frozen=True):
    """One animation of a bundle: its key in the bundle, a title, its file; how it is played, what it begins with and lies on."""

    key: str
    title: str
    path: Path
    playback: Playback = Playback()
    theme: dict[str, Any] | None = None
    ground: str = ""  # a colour, "#RRGGBB" with or without AA


class Bundle(msgspec.Struct, frozen=True):
    """An opened template; `root` is the only folder from which its files are read."""

    format: Format
    root: Path | None  # None for bare JSON
    animations: tuple[Animation, ...]
    themes: tuple[tuple[str, str, dict[str, Any]], ...] = ()  # key, title, the theme's document
    fonts: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()  # all that were kept, below the root
    skipped: tuple[str, ...] = ()
    doubts: tuple[Warning, ...] = ()  # what the manifest asks for and a film does not show

    def animation(self, key: str) -> Animation:
        """Find an animation. Raises TemplateRefused with the known keys."""
        for animation in self.animations:
            if animation.key == key:
                return animation
        known = ", ".join(a.key for a in self.animations)
        raise TemplateRefused("scene.unknown", f"The template has no scene {key!r}; it has: {known}.", "scene")

    def asset(self, animation: Animation, folder: str, name: str) -> Path | None:
        """Find a file that a document names, by its own path and by the formats' image folders; None if absent."""
        if self.root is None:
            return None
        root = self.root.resolve()
        tries = [animation.path.parent / folder.lstrip("/") / name, root / folder.lstrip("/") / name]
        tries += [root / place / PurePosixPath(name).name for place in ("i", "images", "")]
        for path in tries:
            # Names from a document may hold null bytes or be too long for the file system.
            with contextlib.suppress(OSError, ValueError):
                real = path.resolve()
                if real.is_relative_to(root) and real.is_file():
                    return real
        return names.find(self.files, self.root, f"{folder}/{name}", animation.path.parent)


def open_bundle(template: Path, work: Path, sha256: str = "") -> Bundle:
    """Open a template file, extracting archives once into `work`. Raises TemplateRefused."""
    with template.open("rb") as file:
        start = file.read(4)
    if start == b"RIFX":
        raise TemplateRefused(
            "template.after_effects", "This is an After Effects project; this engine draws Lottie. Export it with Bodymovin."
        )
    if start[:2] != b"PK":
        return Bundle("lottie-json", None, (Animation("main", "", template),))
    root = _extracted(template, work, sha256 or file_digest(template))
    return _read(root)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _extracted(template: Path, work: Path, sha256: str) -> Path:
    target = work / sha256
    if target.is_dir():
        return target
    work.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{sha256[:16]}-", dir=work))
    try:
        _extract(template, building)
        # A folder that another process finished in the meantime makes the rename fail: theirs is as good.
        with contextlib.suppress(OSError):
            os.rename(building, target)
        if not target.is_dir():
            raise OSError(f"cannot create {target}")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _extract(template: Path, into: Path) -> None:
    try:
        with zipfile.ZipFile(template) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check_entries(entries)
            budget = _MAX_TOTAL
            for entry in entries:
                name = PurePosixPath(names.entry_name(entry))
                if name.suffix.lower() in _KEPT and "__MACOSX" not in name.parts:
                    budget -= _extract_one(archive, entry, into / name, budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise TemplateRefused("bundle.damaged", f"The archive cannot be read ({error}); pack it again without a password.") from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise TemplateRefused("bundle.too_many_files", f"The archive holds {len(entries)} files; the limit is {_MAX_ENTRIES}.")
    known: set[str] = set()
    for entry in entries:
        name = names.entry_name(entry)
        mode = entry.external_attr >> 16
        if _BAD_NAME.search(name) or len(name) > _LONGEST or any(len(part.encode()) > _LONGEST_PART for part in name.split("/")):
            raise TemplateRefused("bundle.bad_name", f"The archive holds a file with a forbidden name: {name[:80]!r}.")
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise TemplateRefused("bundle.link", f"The archive holds a link or device: {name[:80]!r}; put the file itself there.")
        if name.casefold() in known:
            raise TemplateRefused("bundle.duplicate", f"The archive holds two files named {name[:80]!r}.")
        known.add(name.casefold())


def _extract_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: int) -> int:
    limit = min(_MAX_FILE, max(_RATIO_FREE, entry.compress_size * _MAX_RATIO), budget)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    # The header's size may lie, so what counts is what comes out.
    with archive.open(entry) as source, target.open("xb") as file:
        while block := source.read(_CHUNK):
            written += len(block)
            if written > limit:
                raise TemplateRefused("bundle.too_large", f"{entry.filename[:80]!r} unpacks to more than is allowed ({limit} bytes).")
            file.write(block)
    return written


def _read(root: Path) -> Bundle:
    inside = list(root.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        root = inside[0]  # someone packed the folder instead of what is in it
    files = sorted(path for path in root.rglob("*") if path.is_file())
    fonts = tuple(path for path in files if path.suffix.lower() in _FONTS)
    manifest = root / "manifest.json"
    if manifest.is_file():
        document = parse(_bytes(manifest), "manifest.json")
        if isinstance(document.get("animations"), list):
            return msgspec.structs.replace(_dotlottie(root, document, fonts), files=tuple(files))
    return msgspec.structs.replace(_loose(root, files, fonts), files=tuple(files))


def _dotlottie(root: Path, manifest: dict[str, Any], fonts: tuple[Path, ...]) -> Bundle:
    second = str(manifest.get("version", "")).startswith("2") or (root / "a").is_dir()
    report = Report()
    themes = _themes(root, manifest, report)
    shown, playback, theme = _machine(root, manifest, report)
    animations = []
    for index, entry in enumerate(manifest["animations"]):
        key = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(key, str) or not key or _BAD_NAME.search(key):
            raise TemplateRefused("bundle.manifest", "manifest.json names an animation without a usable id.")
        path = _document(root, ("a", "animations") if second else ("animations", "a"), key)
        if path is None:
            raise TemplateRefused("bundle.manifest", f"manifest.json names the animation {key!r}, but its file is not in the archive.")
        first = shown == key or (not shown and index == 0)
        begins = (theme if first else "") or entry.get("initialTheme") or entry.get("defaultTheme")
        if isinstance(begins, str) and begins and begins not in themes:
            report("theme.missing", f"The animation {key[:60]!r} begins with the theme {begins[:60]!r}, which is not in the archive.")
        known = themes.get(begins) if isinstance(begins, str) else None
        played = playback if playback is not None and first else of_entry(entry)
        ground = entry.get("background")
        title = str(entry.get("name") or key)
        animations.append(Animation(key, title, path, played, known[1] if known else None, ground if isinstance(ground, str) else ""))
    if not animations or len({a.key for a in animations}) < len(animations):
        raise TemplateRefused("bundle.manifest", "manifest.json must name at least one animation, each with its own id.")
    listed = tuple((key, title, document) for key, (title, document) in themes.items())
    form: Format = "dotlottie-2" if second else "dotlottie-1"
    return Bundle(form, root, tuple(animations), listed, fonts, doubts=report.warnings)


def _document(root: Path, folders: tuple[str, str], key: str) -> Path | None:
    """The document of a key, in the first of two folders that has it; its name's letters were composed when it was unpacked."""
    name = unicodedata.normalize("NFC", f"{key}.json")
    if _BAD_NAME.search(name) or len(name) > _LONGEST or any(len(part.encode()) > _LONGEST_PART for part in name.split("/")):
        return None
    return next((path for folder in folders if (path := root / folder / name).is_file()), None)


def _machine(root: Path, manifest: dict[str, Any], report: Report) -> tuple[str, Playback | None, str]:
    """What the state machine asks for with which the file begins: an animation's key, how it is played, a theme's key."""
    initial = manifest.get("initial")
    begins = initial if isinstance(initial, dict) else {}
    key, shown = begins.get("stateMachine"), begins.get("animation")
    shown = shown if isinstance(shown, str) else ""
    if not isinstance(key, str) or not key:
        return shown, None, ""
    path = _document(root, ("s", "states"), key)
    if path is None:
        report("bundle.state_machine", f"The file begins with the state machine {key[:60]!r}, which is not in the archive.")
        return shown, None, ""
    animation, playback, theme = of_machine(parse(_bytes(path), path.name), key, report)
    return animation or shown, playback, theme


def _themes(root: Path, manifest: dict[str, Any], report: Report) -> dict[str, tuple[str, dict[str, Any]]]:
    """The themes' titles and documents by their keys."""
    found = {}
    entries = manifest.get("themes")
    for entry in entries if isinstance(entries, list) else ():
        held = entry if isinstance(entry, dict) else {"id": entry}
        key = held.get("id")
        if not isinstance(key, str) or not key:
            continue
        path = _document(root, ("t", "themes"), key)
        if path is None:
            report("theme.missing", f"The theme {key[:60]!r} is not in the archive, or in a form that is no longer used; export it anew.")
            continue
        title = str(held.get("name") or key)
        found[key] = title, parse(_bytes(path), f"{path.parent.name}/{key}.json")
        doubts(title, found[key][1], report)
    return found


def _loose(root: Path, files: list[Path], fonts: tuple[Path, ...]) -> Bundle:
    animations = []
    for path in files:
        if path.suffix.lower() == ".json":
            document = parse(_bytes(path), path.name)
            if isinstance(document.get("layers"), list):
                animations.append(Animation(path.relative_to(root).with_suffix("").as_posix(), str(document.get("nm") or path.stem), path))
    if not animations:
        raise TemplateRefused("bundle.empty", "The archive holds no Lottie animation (a .json file with layers).")
    skipped = tuple(path.relative_to(root).as_posix() for path in files if path.suffix.lower() == ".lottie")
    return Bundle("zip", root, tuple(animations), (), fonts, skipped=skipped)


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MAX_DOCUMENT:
        raise TemplateRefused("lottie.too_large", f"{path.name} is larger than {MAX_DOCUMENT >> 20} MB.")
    return path.read_bytes()


def read_document(animation: Animation) -> bytes:
    """The animation's bytes. Raises TemplateRefused if it is larger than a document may be."""
    return _bytes(animation.path)
