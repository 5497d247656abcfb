"""Which font a text is drawn in: the one that its document names, its family, and the chain in which others are asked."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from contracts.spec import Warning
from node_worker.engines.lottie.text import faces
from node_worker.engines.lottie.text.characters import east_of
from node_worker.engines.lottie.text.drawn import DrawnFace
from node_worker.engines.lottie.text.faces import BOLD, REGULAR, Face, fold

_HEAVY = re.compile(r"bold|black|heavy|extra|ultra", re.IGNORECASE)
_SLANTED = re.compile(r"italic|oblique|slanted", re.IGNORECASE)
_WORDS = "regular|italic|oblique|slanted|normal|roman|book|thin|hairline|extra|ultra|semi|demi|light|medium|bold|black|heavy"
_STYLE = re.compile(rf"(?:[\s_-]*(?:{_WORDS}))+$", re.IGNORECASE)
# Weights by the words of styles, as the table OS/2 of OpenType numbers them; the longer words first.
_WEIGHTS = (
    (r"thin|hairline", 100), (r"(extra|ultra)[\s_-]*light", 200), (r"light", 300), (r"medium", 500), (r"(semi|demi)[\s_-]*bold|demi", 600),
    (r"(extra|ultra)[\s_-]*bold", 800), (r"black|heavy", 900), (r"bold", 700),
)  # fmt: skip
_NEAR = 50  # of a weight: a font as near as this is the style that was asked for


class Wanted(msgspec.Struct, frozen=True):
    """A font as a document names it."""

    name: str
    family: str = ""
    style: str = ""
    path: str = ""  # a file's name, or a data: address that holds the font
    ascent: float = 0.0  # in ems; 0 = not said

    @property
    def heavy(self) -> bool:
        """Whether a substitute should be bold."""
        return bool(_HEAVY.search(f"{self.name} {self.style}"))

    @property
    def weight(self) -> int:
        """How heavy its letters are to be; 400 where no word tells."""
        words = f"{self.style} {self.name}"
        return next((weight for pattern, weight in _WEIGHTS if re.search(pattern, words, re.IGNORECASE)), 400)

    @property
    def slanted(self) -> bool:
        """Whether an italic is asked for."""
        return bool(_SLANTED.search(f"{self.style} {self.name}"))

    @property
    def families(self) -> frozenset[str]:
        """The families that its names may mean, folded."""
        return frozenset(fold(_STYLE.sub("", name[:200])) for name in (self.family, self.name) if name) - {""}


class Library:
    """The fonts at hand for a scene: those of the bundle, those given, those inside the document, then the packaged ones."""

    def __init__(self, bundled: Iterable[Path], given: Iterable[Path]) -> None:
        self.unreadable: list[str] = []
        self._files: list[tuple[str, Face]] = []
        self._inside: dict[str, Face | None] = {}
        for path in (*bundled, *given):
            found = faces.load(path)
            self._files += [(path.name, face) for face in found]
            if not found:
                self.unreadable.append(path.name)

    def doubts(self) -> list[Warning]:
        """One warning for each font that is there and cannot be read."""
        detail = "The font {!r} cannot be read; save it as TrueType, OpenType or WOFF."
        return [Warning(code="font.unreadable", detail=detail.format(name)) for name in dict.fromkeys(self.unreadable)]

    def chain(self, wanted: Wanted, text: str = "") -> "Chain":
        """The order in which a text's characters look for a font; `text` tells whose forms of shared letters it wants."""
        first = self._named(wanted)
        others = [face for _, face in self._files if face is not first]
        east = (east_of(text), 700 if wanted.heavy else 400)
        return Chain([first, *others] if first else others, BOLD if wanted.heavy else REGULAR, east, found=first is not None)

    def other_style(self, wanted: Wanted) -> str:
        """The name of the font that stands in for one of its family, if its letters are of another style; "" otherwise."""
        face = self._named(wanted)
        return "" if face is None or face is self._exact(wanted) or _is_style(face, wanted) else face.title

    def _named(self, wanted: Wanted) -> Face | None:
        """The very font, else one of its family; a family's name alone stands behind a face that has the style."""
        exact = self._exact(wanted)
        if exact is not None and (not wanted.style or _is_style(exact, wanted)):
            return exact
        near = self._family(wanted)
        return near if exact is None or (near is not None and _is_style(near, wanted)) else exact

    def _exact(self, wanted: Wanted) -> Face | None:
        if wanted.path.startswith("data:"):
            inside = self._of_address(wanted)
            if inside is not None:
                return inside
        file = _file_name(wanted.path)
        for name, face in self._files:
            if file and _file_name(name) == file:
                return face
        for wish in (fold(f"{wanted.family} {wanted.style}"), fold(wanted.name)):
            for _, face in self._files:
                if wish and wish in face.names:
                    return face
            for name in dict.fromkeys((*REGULAR, *BOLD)):
                if fold(name) == wish:
                    return faces.packaged(name)
        return None

    def _family(self, wanted: Wanted) -> Face | None:
        """The face of the family that is nearest to the style; a variable font is set to it."""
        families = wanted.families
        near = [face for _, face in self._files if families & face.families]
        if not near:
            return None
        face = min(near, key=lambda one: (one.slanted != wanted.slanted, "wght" not in one.variable, abs(one.weight - wanted.weight)))
        return face.varied({"wght": float(wanted.weight), "ital": float(wanted.slanted), "slnt": -10.0 if wanted.slanted else 0.0})

    def _of_address(self, wanted: Wanted) -> Face | None:
        if wanted.path not in self._inside:
            face = self._inside[wanted.path] = next(iter(faces.from_bytes(_decoded(wanted.path))), None)
            if face is None:
                self.unreadable.append(wanted.name)
        return self._inside[wanted.path]


def _is_style(face: Face, wanted: Wanted) -> bool:
    return face.slanted == wanted.slanted and abs(face.weight - wanted.weight) <= _NEAR


def _file_name(path: str) -> str:
    """A path's last part without what systems write otherwise: separators, case, escapes, ways of encoding."""
    name = unquote(path).replace("\\", "/").rsplit("/", 1)[-1]
    return unicodedata.normalize("NFC", name).casefold()


def _decoded(address: str) -> bytes:
    """The bytes inside a data: address; none if it is damaged."""
    head, _, body = address.partition(",")
    try:
        return base64.b64decode(body.strip(), validate=False) if head.rstrip().endswith("base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return b""


class Chain:
    """Faces in the order of asking; the packaged ones are unpacked only when a character needs them."""

    def __init__(self, given: list[Face], packaged: tuple[str, ...], east: tuple[int, int], *, found: bool) -> None:
        self.found = found  # whether the first face is the font that the document names, or of its family
        # Without the named font, a designed substitute for the whole text beats whatever other files lie there.
        self._faces: list[Face | DrawnFace] = list(given) if found else [faces.packaged(packaged[0]), *given]
        self._packaged = list(packaged if found else packaged[1:])
        self._east: tuple[int, int] | None = east
        self._coloured = [face for face in given if face.coloured]

    def after(self, drawn: DrawnFace) -> "Chain":
        """The same chain behind the letters that a document carries itself."""
        self._faces.insert(0, drawn)
        self.found = True
        return self

    @property
    def first(self) -> Face | DrawnFace:
        """The face of the text's measures."""
        face = self._faces[0] if self._faces else self._next()
        if face is None:
            raise RuntimeError("no font is at hand")
        return face

    def _next(self) -> Face | None:
        """Unpack another of the packaged faces; None when there are no more."""
        if self._packaged:
            face: Face | None = faces.packaged(self._packaged.pop(0))
        elif self._east is not None:
            face, self._east = faces.eastern(*self._east), None
        else:
            face = None
        if face is not None:
            self._faces.append(face)
        return face

    def face_for(self, chars: str, preferred: Face | DrawnFace | None = None) -> Face | DrawnFace | None:
        """The first face that has all the characters, the preferred one before others."""
        if preferred is not None and all(preferred.covers(char) for char in chars):
            return preferred
        for face in self._faces:
            if all(face.covers(char) for char in chars):
                return face
        while (next_face := self._next()) is not None:
            if all(next_face.covers(char) for char in chars):
                return next_face
        return None

    def coloured_for(self, char: str) -> Face | None:
        """The face that has a picture in colours for an emoji's first character."""
        for face in self._coloured:
            if face.covers(char):
                return face
        packaged = faces.emoji()
        return packaged if packaged is not None and packaged.covers(char) else None
