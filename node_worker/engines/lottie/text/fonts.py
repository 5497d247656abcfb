"""Font faces, and the chain in which a character's font is looked for."""

import functools
import hashlib
import importlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import uharfbuzz as hb

from node_worker.engines.lottie.text.outlines import Contour, Pen

_MAX_FONT = 40 << 20  # bytes
_PACKAGE = "pymupdf_fonts"
_REGULAR = ("FiraGO_Regular", "NotoSans_Regular", "NotoSansSymbols_Regular", "NotoSansSymbols2_Regular", "NotoSansMath_Regular")
_BOLD = ("FiraGO_Bold", "NotoSans_Bold", *_REGULAR)
_HEAVY = re.compile(r"bold|black|heavy|extra|ultra", re.IGNORECASE)
_NAMES = (hb.OTNameIdPredefined.POSTSCRIPT_NAME, hb.OTNameIdPredefined.FULL_NAME)
_FAMILIES = (
    (hb.OTNameIdPredefined.TYPOGRAPHIC_FAMILY, hb.OTNameIdPredefined.TYPOGRAPHIC_SUBFAMILY),
    (hb.OTNameIdPredefined.FONT_FAMILY, hb.OTNameIdPredefined.FONT_SUBFAMILY),
)


class Face:
    """A font file ready for shaping; lengths are in its own units, `upem` to the em."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError if the bytes are no font."""
        if len(data) > _MAX_FONT or data[:4] not in (b"\0\1\0\0", b"OTTO", b"true", b"ttcf"):
            raise ValueError("not a TrueType or OpenType font, or larger than 40 MB")
        self._face = hb.Face(hb.Blob(data))
        if not self._face.glyph_count or not 16 <= self._face.upem <= 16384:
            raise ValueError("the font holds no glyphs")
        self.font = hb.Font(self._face)
        self.upem: int = self._face.upem
        self.digest = hashlib.sha256(data).hexdigest()
        self._covered: dict[str, bool] = {}
        self._outlines: dict[int, tuple[Contour, ...]] = {}

    def outline(self, glyph: int) -> tuple[Contour, ...]:
        """A glyph's contours in hundredths of an em, y downwards, as Lottie draws them."""
        known = self._outlines.get(glyph)
        if known is None:
            pen = Pen(100 / self.upem)
            self.font.draw_glyph_with_pen(glyph, pen)
            known = self._outlines[glyph] = tuple(pen.contours)
        return known

    def covers(self, char: str) -> bool:
        """Whether the font has a glyph of its own for the character."""
        known = self._covered.get(char)
        if known is None:
            known = self._covered[char] = bool(self.font.get_nominal_glyph(ord(char)))
        return known

    @property
    def ascent(self) -> float:
        """Height of the ascender over the baseline, in ems."""
        ascender = self.font.get_font_extents("ltr").ascender
        return float(ascender) / self.upem

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names under which a document may ask for this font, folded for comparing."""
        found = [self._face.get_name(name) for name in _NAMES]
        for family, style in _FAMILIES:
            base, extra = self._face.get_name(family), self._face.get_name(style)
            found += [f"{base} {extra}" if base and extra else None, base if base and extra in (None, "Regular") else None]
        return frozenset(fold(name) for name in found if name)


def fold(name: str) -> str:
    """A font name without what writers vary: case, spaces, hyphens."""
    return re.sub(r"[\s_\-,]+", "", name).casefold()


@functools.lru_cache(maxsize=64)
def _face_at(path: str, _state: tuple[int, int]) -> Face | None:
    """The face in a file; `_state`, its size and time of change, only makes the memory of it expire."""
    try:
        return Face(Path(path).read_bytes())
    except (ValueError, hb.HarfBuzzError, MemoryError):
        return None


def load(path: Path) -> Face | None:
    """Read a font file, once per file; None if it is no usable font."""
    state = path.stat()
    return _face_at(str(path), (state.st_size, state.st_mtime_ns)) if state.st_size <= _MAX_FONT else None


@functools.cache
def _packaged(name: str) -> Face:
    module = importlib.import_module(f"{_PACKAGE}.{name}")
    return Face(module.fontbuffer)


@functools.cache
def packaged_digest() -> str:
    """SHA-256 over the packaged fonts' files, without unpacking them."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("pymupdf-fonts is not installed: pip install 'flatrender[node]'")
    whole = hashlib.sha256()
    for name in dict.fromkeys((*_REGULAR, *_BOLD)):
        whole.update((Path(spec.origin).parent / f"{name}.py").read_bytes())
    return whole.hexdigest()


class Wanted(msgspec.Struct, frozen=True):
    """A font as a document names it."""

    name: str
    family: str = ""
    style: str = ""
    path: str = ""
    ascent: float = 0.0  # in ems; 0 = not said

    @property
    def heavy(self) -> bool:
        """Whether a substitute should be bold."""
        return bool(_HEAVY.search(f"{self.name} {self.style}"))


class Library:
    """The fonts at hand for a scene: those of the bundle, those given, then the packaged ones."""

    def __init__(self, bundled: Iterable[Path], given: Iterable[Path]) -> None:
        self.unreadable: list[str] = []
        self._files: list[tuple[str, Face]] = []
        for path in (*bundled, *given):
            face = load(path)
            if face is None:
                self.unreadable.append(path.name)
            else:
                self._files.append((path.name, face))

    def chain(self, wanted: Wanted) -> "Chain":
        """The order in which a text's characters look for a font."""
        exact = self._exact(wanted)
        others = [face for _, face in self._files if face is not exact]
        return Chain([exact, *others] if exact else others, _BOLD if wanted.heavy else _REGULAR, found=exact is not None)

    def _exact(self, wanted: Wanted) -> Face | None:
        file = wanted.path.replace("\\", "/").rsplit("/", 1)[-1]
        names = {fold(wanted.name), fold(f"{wanted.family} {wanted.style}")} - {""}
        for name, face in self._files:
            if (file and name == file) or names & face.names:
                return face
        return next((_packaged(name) for name in dict.fromkeys((*_REGULAR, *_BOLD)) if fold(name) in names), None)


class Chain:
    """Faces in the order of asking; the packaged ones are unpacked only when a character needs them."""

    def __init__(self, faces: list[Face], packaged: tuple[str, ...], *, found: bool) -> None:
        self.found = found  # whether the first face is the very font that the document names
        # Without the named font, a designed substitute for the whole text beats whatever other files lie there.
        self._faces = list(faces) if found else [_packaged(packaged[0]), *faces]
        self._packaged = list(packaged if found else packaged[1:])

    @property
    def first(self) -> Face:
        """The face of the text's measures."""
        return self._faces[0] if self._faces else self._next()

    def _next(self) -> Face:
        face = _packaged(self._packaged.pop(0))
        self._faces.append(face)
        return face

    def face_for(self, chars: str, preferred: Face | None = None) -> Face | None:
        """The first face that has all the characters, the preferred one before others."""
        if preferred is not None and all(preferred.covers(char) for char in chars):
            return preferred
        for face in self._faces:
            if all(face.covers(char) for char in chars):
                return face
        while self._packaged:
            face = self._next()
            if all(face.covers(char) for char in chars):
                return face
        return None
