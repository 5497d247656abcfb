"""Reference pictures: frames of a document as lottie-web shows them in Chromium, kept in a folder from run to run."""

import asyncio
import base64
import functools
import gzip
import hashlib
import importlib
import io
import json
import math
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from fontTools.ttLib import TTFont, TTLibError

from benchmarks.chromium import Chromium, ChromiumFailed
from benchmarks.reference_faults import faults

Document = dict[str, Any]
VERSION = "5.13.0"  # of lottie-web
REVISION = 5  # raise it when a change here changes a reference picture
MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # of a document's length, at whole frames
LONGEST = 800  # pixels of a picture's longer side
FALLBACKS = ("FiraGO_Regular", "NotoSans_Regular", "NotoSansSymbols_Regular", "NotoSansSymbols2_Regular", "NotoSansMath_Regular")
BOLD = ("FiraGO_Bold", "NotoSans_Bold", *FALLBACKS)
PAGE = Path(__file__).with_name("lottie_web_page.js")
# What is changed in its script. In strict mode a name that an expression has not declared is an error, which it is not in After Effects;
# letters are measured alone, without kerning; a mask that is turned inside out is only as large as the composition, counted from its
# layer's origin, and only if its path runs the other way; the second line of a text stands a pixel too low; a new player shows the first
# frame before the one that is asked for, and what it keeps of that shows later; an error while it opens is told before one can listen.
MENDED = (
    ("'use strict';", ""),
    (
        " cLength = fontManager.measureText(finalText[i], documentData.f, documentData.finalSize);",
        " cLength = window.kernedAdvance(fontManager, finalText, i, documentData);",
    ),
    (
        " cLength = fontManager.measureText(val, documentData.f, documentData.finalSize);",
        " cLength = window.kernedAdvance(fontManager, documentData.finalText, i, documentData);",
    ),
    (
        "var path = 'M0,0 ';\n    path += ' h' + this.globalData.compSize.w;",
        "var path = 'M-9999,-9999 h29999 v29999 h-29999 z '; return path;",
    ),
    (
        "path.setAttribute('clip-rule', 'nonzero');",
        "path.setAttribute('clip-rule', 'nonzero'); if (properties[i].inv) path.setAttribute('fill-rule', 'evenodd');",
    ),
    ("yPos += firstLine ? 1 : 0;", ""),
    ("this.currentRawFrame = 0;", "this.currentRawFrame = window.reference.first;"),
    (
        "var error = new BMConfigErrorEvent(nativeError, this.currentFrame);",
        "window.reference.errors.push(String(nativeError)); var error = new BMConfigErrorEvent(nativeError, this.currentFrame);",
    ),
)


class Shown(msgspec.Struct, kw_only=True):
    """A document's frames as the reference shows them; `pictures` are file names beside this, "" where a frame failed."""

    size: tuple[int, int]  # width and height of the pictures in pixels
    rate: float
    frames: list[int]  # counted from the document's first
    pictures: list[str]
    error: str = ""  # why the reference cannot show it, or some of it
    doubts: list[str] = []  # the reference's own faults that it uses


class Unreadable(Exception):
    """No document that the reference can be given."""


def read(path: Path) -> Document:
    """A document with its pictures embedded, out of a .json, a .lottie or a zip (the first animation). Raises Unreadable."""
    try:
        raw = path.read_bytes()
        if zipfile.is_zipfile(path):
            return _from_zip(zipfile.ZipFile(io.BytesIO(raw)))
        return _checked(json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{type(error).__name__}: {error}"[:200]) from None


def _checked(document: Any) -> Document:
    if not isinstance(document, dict) or not all(isinstance(document.get(key), int | float) for key in ("w", "h", "fr", "op")):
        raise ValueError("no Lottie document with a size, a rate and a length")
    return document


def _from_zip(archive: zipfile.ZipFile) -> Document:
    names = {name.casefold(): name for name in archive.namelist()}
    inside = sorted(name for name in archive.namelist() if name.endswith(".json") and not name.endswith("manifest.json"))
    document = _checked(json.loads(archive.read(next(name for name in inside if not re.match(r"(t|themes|s|states)/", name)))))
    for asset in document.get("assets") or ():
        source = asset.get("p") if isinstance(asset, dict) and "layers" not in asset else None
        if isinstance(source, str) and not source.startswith("data:"):
            tails = [f"{folder}{source}".casefold() for folder in (asset.get("u") or "", "i/", "images/", "")]
            name = next((names[key] for key in names for tail in tails if key.endswith(tail.lstrip("/"))), None)
            if name is not None:
                kind = {"jpg": "jpeg", "svg": "svg+xml"}.get(name.rsplit(".", 1)[-1].lower(), name.rsplit(".", 1)[-1].lower())
                asset.update(p=f"data:image/{kind};base64,{base64.b64encode(archive.read(name)).decode()}", u="", e=1)
    return document


def size_of(document: Document, longest: int = LONGEST) -> tuple[int, int]:
    """The pictures' width and height: the document's own, even as a film's are, made smaller where its longer side is longer."""
    scale = min(1.0, longest / max(document["w"], document["h"], 1))
    return max(2, 2 * round(document["w"] * scale / 2)), max(2, 2 * round(document["h"] * scale / 2))


def frames_of(document: Document) -> list[int]:
    """The frames that are compared, each once."""
    length = math.ceil(document["op"] - document.get("ip", 0))
    return sorted({min(max(0, length - 1), int(length * moment)) for moment in MOMENTS})


@functools.cache
def packaged(name: str) -> bytes:
    """One of the fonts that a node falls back on."""
    data: bytes = importlib.import_module(f"pymupdf_fonts.{name}").fontbuffer
    return data


class Fonts:
    """The font files of a folder, given to both sides, by each name under which a document may ask for them."""

    def __init__(self, folder: Path | None = None) -> None:
        self.files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf")) if folder else []
        self._named: dict[str, bytes] = {}
        for path in self.files:
            try:
                table = TTFont(path, lazy=True)["name"]
            except (TTLibError, KeyError):
                continue
            data = path.read_bytes()
            for number in (6, 4, 1, 16):  # PostScript, full, family
                self._named.setdefault(_fold(table.getDebugName(number) or ""), data)

    def for_page(self, document: Document) -> list[dict[str, str]]:
        """What the page is to load; the document's fonts are renamed to it, and name no address any more."""
        listed = document.get("fonts")
        entries = [one for one in (listed or {}).get("list") or () if isinstance(one, dict)] if isinstance(listed, dict) else []
        loaded: dict[str, bytes] = {}
        for number, entry in enumerate(entries):
            for key in ("fPath", "fOrigin", "origin"):
                entry.pop(key, None)
            if document.get("chars"):  # letters are drawn as outlines, which are found by the family
                continue
            named = self._named.get(_fold(str(entry.get("fName")))) or self._named.get(
                _fold(f"{entry.get('fFamily')}{entry.get('fStyle')}")
            )
            heavy = re.search(r"bold|black|heavy|extra|ultra", f"{entry.get('fName')} {entry.get('fStyle')}", re.IGNORECASE)
            chain = {name: packaged(name) for name in (BOLD if heavy else FALLBACKS)}
            if named:
                chain = {f"given{number}": named, **chain}
            loaded |= chain
            entry["fFamily"] = ", ".join(chain)
        return [{"family": name, "data": base64.b64encode(data).decode()} for name, data in loaded.items()]


def _fold(name: str) -> str:
    return re.sub(r"[\s_\-,]+", "", name).casefold()


def player(given: Path | None = None) -> str:
    """lottie-web's script with its faults mended. Fetched by npm into the user's cache once. Raises ChromiumFailed."""
    kept = given or Path(platformdirs.user_cache_dir("flatrender", appauthor=False)) / f"lottie-web-{VERSION}.js"
    if not kept.is_file():
        _fetch(kept)
    return mended(kept.read_text())


def _fetch(kept: Path) -> None:
    import subprocess

    npm = shutil.which("npm")
    if npm is None:
        raise ChromiumFailed("there is no npm to fetch lottie-web with; install Node.js or name its lottie.js with --player")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", f"lottie-web@{VERSION}", "--silent"], cwd=folder, check=True, capture_output=True, timeout=300)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            script = archive.extractfile("package/build/player/lottie.js")
            assert script is not None
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(script.read())


def mended(script: str) -> str:
    """The script with MENDED. Raises ChromiumFailed where it is another."""
    for old, new in MENDED:
        if old not in script:
            raise ChromiumFailed(f"this is not the lottie.js of lottie-web {VERSION}: it has no {old!r}")
        script = script.replace(old, new)
    return script


class LottieWeb:
    """Shows documents one after the other; Chromium is started when the first is asked for, and anew after one that hangs."""

    def __init__(self, program: str, script: str, fonts: Fonts, folder: Path) -> None:
        self._program, self._fonts, self._folder = program, fonts, folder
        self._script = script + "\n;\n" + PAGE.read_text()
        self._chromium: Chromium | None = None

    async def show(self, path: Path, frames: Sequence[int] = (), longest: int = LONGEST) -> tuple[Path, Shown]:
        """The folder of a document's pictures and what they are: kept ones, or drawn now. Raises Unreadable."""
        folder = self._folder / f"{path.stem[:60]}-{self._key(path, frames, longest)}"
        told = folder / "shown.json"
        if told.is_file():
            return folder, msgspec.json.decode(told.read_bytes(), type=Shown)
        document = read(path)
        size = size_of(document, longest)
        asked = list(frames) or frames_of(document)
        shown = Shown(size=size, rate=float(document["fr"]), frames=asked, pictures=[""] * len(asked), doubts=faults(document))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._draw(document, shown, folder)
        except ChromiumFailed as failure:
            shown.error = str(failure)
            await self.close()
        written = folder / f"shown-{os.getpid()}"
        written.write_bytes(msgspec.json.format(msgspec.json.encode(shown)))
        written.replace(told)  # others may read here
        return folder, shown

    def _key(self, path: Path, frames: Sequence[int], longest: int) -> str:
        whole = hashlib.sha256(path.read_bytes())
        for font in self._fonts.files:
            whole.update(hashlib.sha256(font.read_bytes()).digest())
        whole.update(json.dumps([list(frames), longest, VERSION, REVISION]).encode())
        return whole.hexdigest()[:12]

    async def _draw(self, document: Document, shown: Shown, folder: Path) -> None:
        if self._chromium is None:
            self._chromium = Chromium(self._program)
            await self._chromium.start(self._script)
        chromium, (width, height) = self._chromium, shown.size
        await chromium.page(width, height)
        given = json.dumps([document, self._fonts.for_page(document), width, height])
        errors = await chromium.run(f"reference.load(...{given})")
        for number, frame in enumerate(shown.frames):
            if errors:
                break
            failed = await chromium.run(f"reference.show({frame})")
            if failed:
                shown.error = f"frame {frame}: {'; '.join(failed)}"[:300]
                continue
            shown.pictures[number] = f"{frame:05}.png"
            (folder / shown.pictures[number]).write_bytes(await chromium.picture(width, height))
        if errors:
            raise ChromiumFailed("; ".join(errors)[:300])

    async def close(self) -> None:
        """End Chromium."""
        if self._chromium is not None:
            await self._chromium.close()
            self._chromium = None
        await asyncio.sleep(0)
