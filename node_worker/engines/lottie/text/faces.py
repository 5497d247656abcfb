"""Font files ready for shaping: those that are given, and those that are always there."""

import functools
import hashlib
import importlib
import importlib.util
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import uharfbuzz as hb

from node_worker.engines.lottie.text.outlines import Contour, Pen, bounds
from node_worker.inspect.webfonts import MAX_FONT, MOST_FACES, PACKED, unpack

_PACKAGE, _EAST = "pymupdf_fonts", "manimgx_fonts_cjk"
_EAST_FILE = "NotoSansCJK-VF.otf.ttc"
EMOJI = Path(__file__).with_name("NotoColorEmoji.ttf")  # deploy/emoji.py puts it there
REGULAR = ("FiraGO_Regular", "NotoSans_Regular", "NotoSansSymbols_Regular", "NotoSansSymbols2_Regular", "NotoSansMath_Regular")
BOLD = ("FiraGO_Bold", "NotoSans_Bold", *REGULAR)
_NAMES = (hb.OTNameIdPredefined.POSTSCRIPT_NAME, hb.OTNameIdPredefined.FULL_NAME)
_FAMILIES = (
    (hb.OTNameIdPredefined.TYPOGRAPHIC_FAMILY, hb.OTNameIdPredefined.TYPOGRAPHIC_SUBFAMILY),
    (hb.OTNameIdPredefined.FONT_FAMILY, hb.OTNameIdPredefined.FONT_SUBFAMILY),
)
_KNOWN = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")


class Face:
    """A font ready for shaping; lengths are in its own units, `upem` to the em."""

    def __init__(self, data: bytes | hb.Blob, *, digest: str = "", index: int = 0, axes: Mapping[str, float] | None = None) -> None:
        """`index` chooses a face of a collection, `axes` sets a variable font. Raises ValueError if the bytes are no font."""
        if isinstance(data, bytes):
            digest = digest or hashlib.sha256(data).hexdigest()
            if data[:4] in PACKED:
                data = unpack(data)
            if len(data) > MAX_FONT or data[:4] not in _KNOWN:
                raise ValueError("not a TrueType or OpenType font, or larger than 64 MB")
            data = hb.Blob(data)
        self._blob, self._index = data, index
        self._face = hb.Face(data, index)
        if not self._face.glyph_count or not 16 <= self._face.upem <= 16384:
            raise ValueError("the font holds no glyphs")
        self.font = hb.Font(self._face)
        self.axes = dict(axes or {})
        if self.axes:
            self.font.set_variations(self.axes)
        self.upem: int = self._face.upem
        self.digest = f"{digest}:{index}:{sorted(self.axes.items())}" if index or self.axes else digest
        self._plain = digest
        self._varied: dict[tuple[tuple[str, float], ...], Face] = {}
        self._covered: dict[str, bool] = {}
        self._boxes: dict[int, tuple[float, float, float, float]] = {}
        self._outlines: dict[int, tuple[Contour, ...]] = {}

    def outline(self, glyph: int) -> tuple[Contour, ...]:
        """A glyph's contours in hundredths of an em, y downwards, as Lottie draws them."""
        known = self._outlines.get(glyph)
        if known is None:
            pen = Pen(100 / self.upem)
            self.font.draw_glyph_with_pen(glyph, pen)
            known = self._outlines[glyph] = tuple(pen.contours)
        return known

    def box(self, glyph: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a glyph's outline in hundredths of an em, y downwards."""
        known = self._boxes.get(glyph)
        if known is None:
            known = self._boxes[glyph] = bounds(self.outline(glyph))
        return known

    def covers(self, char: str) -> bool:
        """Whether the font has a glyph of its own for the character."""
        known = self._covered.get(char)
        if known is None:
            known = self._covered[char] = bool(self.font.get_nominal_glyph(ord(char)))
        return known

    def varied(self, axes: Mapping[str, float]) -> "Face":
        """The same font at other places of its axes; itself where it has none of them."""
        known = {info.tag: min(max(axes[info.tag], info.min_value), info.max_value) for info in self._face.axis_infos if info.tag in axes}
        if not known:
            return self
        key = tuple(sorted(known.items()))
        if key not in self._varied:
            self._varied[key] = Face(self._blob, digest=self._plain, index=self._index, axes=known)
        return self._varied[key]

    @property
    def siblings(self) -> int:
        """How many faces its file holds."""
        return int(self._face.count)

    def sibling(self, index: int) -> "Face":
        """Another face of the same file. Raises ValueError if it is no font."""
        return Face(self._blob, digest=self._plain, index=index)

    @functools.cached_property
    def coloured(self) -> bool:
        """Whether its glyphs are pictures in colours that can be drawn (the table COLR)."""
        return bool(self._face.has_color_paint or self._face.has_color_layers)

    @functools.cached_property
    def weight(self) -> float:
        """How heavy its letters are, 400 being regular and 700 bold."""
        return float(self.font.get_style_value(hb.StyleTag.WEIGHT))

    @functools.cached_property
    def slanted(self) -> bool:
        """Whether it is an italic or an oblique."""
        return bool(self.font.get_style_value(hb.StyleTag.ITALIC) or self.font.get_style_value(hb.StyleTag.SLANT_ANGLE))

    @property
    def ascent(self) -> float:
        """Height of the ascender over the baseline, in ems."""
        ascender = self.font.get_font_extents("ltr").ascender
        return float(ascender) / self.upem

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The names under which a document may ask for this very font, folded for comparing."""
        found = [self._face.get_name(name) for name in _NAMES]
        for family, style in _FAMILIES:
            base, extra = self._face.get_name(family), self._face.get_name(style)
            found += [f"{base} {extra}" if base and extra else None, base if base and extra in (None, "Regular") else None]
        return frozenset(fold(name) for name in found if name)

    @functools.cached_property
    def families(self) -> frozenset[str]:
        """The families to which it belongs, folded."""
        return frozenset(fold(name) for family, _ in _FAMILIES if (name := self._face.get_name(family)))

    @functools.cached_property
    def variable(self) -> frozenset[str]:
        """The axes along which it can be varied."""
        return frozenset(info.tag for info in self._face.axis_infos)

    @property
    def title(self) -> str:
        """Its name for people."""
        return self._face.get_name(hb.OTNameIdPredefined.FULL_NAME) or self._face.get_name(hb.OTNameIdPredefined.FONT_FAMILY) or "a font"


def fold(name: str) -> str:
    """A font name without what writers vary: case, spaces, hyphens, and ways of encoding."""
    return re.sub(r"[\s_\-,]+", "", unicodedata.normalize("NFKC", name)).casefold()


@functools.lru_cache(maxsize=64)
def _faces_at(path: str, _state: tuple[int, int]) -> tuple[Face, ...]:
    """The faces in a file; `_state`, its size and time of change, only makes the memory of it expire."""
    return from_bytes(Path(path).read_bytes())


def from_bytes(data: bytes) -> tuple[Face, ...]:
    """The faces in a file's bytes, several of a collection; none if it is no usable font."""
    try:
        first = Face(data)
        return (first, *(first.sibling(index) for index in range(1, min(first.siblings, MOST_FACES))))
    except (ValueError, hb.HarfBuzzError, MemoryError):
        return ()


def load(path: Path) -> tuple[Face, ...]:
    """Read a font file, once per file; nothing if it is no usable font."""
    state = path.stat()
    return _faces_at(str(path), (state.st_size, state.st_mtime_ns)) if state.st_size <= MAX_FONT else ()


@functools.cache
def packaged(name: str) -> Face:
    """One of the fonts that are always there, by its name in REGULAR or BOLD."""
    module = importlib.import_module(f"{_PACKAGE}.{name}")
    return Face(module.fontbuffer)


@functools.cache
def eastern(index: int, weight: int) -> Face | None:
    """The font for Chinese, Japanese and Korean: 0 Japan's forms, 1 Korea's, 2 simplified, 3 traditional; None if not installed."""
    spec = importlib.util.find_spec(_EAST)
    if spec is None or spec.origin is None:
        return None
    blob = hb.Blob.from_file_path(str(Path(spec.origin).with_name(_EAST_FILE)))  # mapped, not read: 33 MB
    return Face(blob, digest=_eastern_version(), index=index, axes={"wght": weight})


@functools.cache
def emoji() -> Face | None:
    """The font for emoji in colours; None if it is not there."""
    return next(iter(load(EMOJI)), None) if EMOJI.is_file() else None


def _eastern_version() -> str:
    from importlib import metadata  # slow, and asked by none who has not the font

    return f"{_EAST}-{metadata.version(_EAST.replace('_', '-'))}"


@functools.cache
def packaged_digest() -> str:
    """SHA-256 over the fonts that this node has for all texts, without unpacking them; fonts that are not installed change it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("pymupdf-fonts is not installed: pip install 'flatrender[node]'")
    whole = hashlib.sha256()
    for name in dict.fromkeys((*REGULAR, *BOLD)):
        whole.update((Path(spec.origin).parent / f"{name}.py").read_bytes())
    if importlib.util.find_spec(_EAST) is not None:
        whole.update(_eastern_version().encode())
    if EMOJI.is_file():
        whole.update(EMOJI.read_bytes())
    return whole.hexdigest()
