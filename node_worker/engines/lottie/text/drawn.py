"""A font of the letters that a document carries as drawings (`chars`): outlines and advances, no shaping."""

from typing import Any

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.text.outlines import Contour, bounds

Document = dict[str, Any]


class DrawnFace:
    """The letters of one family and style among a document's characters; lengths in hundredths of an em."""

    coloured = False
    ascent = 0.75  # of an em, where the document does not say: as most fonts have it

    def __init__(self, family: str, style: str, chars: list[Document]) -> None:
        """`chars` are cleaned, as layers.clean_chars leaves them."""
        self._chars = {
            ord(char["ch"]): char for char in chars if (char["fFamily"], char["style"]) == (family, style) and len(char["ch"]) == 1
        }
        self.digest = f"drawn:{family}:{style}"
        self._outlines: dict[int, tuple[Contour, ...]] = {}

    def covers(self, char: str) -> bool:
        """Whether the document carries the letter; blanks need no drawing."""
        return ord(char) in self._chars or char.isspace()

    def advance(self, char: str) -> float:
        """How far a letter leads."""
        held = self._chars.get(ord(char)) or self._chars.get(0x20)
        return float(held["w"]) if held else 0.0

    def outline(self, glyph: int) -> tuple[Contour, ...]:
        """A letter's contours by its code point, y downwards."""
        if glyph not in self._outlines:
            held = self._chars.get(glyph)
            groups = objects(held["data"].get("shapes")) if held else ()
            found = [_contour(item) for group in groups for item in objects(group.get("it"))]
            self._outlines[glyph] = tuple(contour for contour in found if contour is not None)
        return self._outlines[glyph]

    def box(self, glyph: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a letter's outline."""
        return bounds(self.outline(glyph))


def _contour(item: Document) -> Contour | None:
    path = item.get("ks")
    path = path.get("k") if isinstance(path, dict) else None
    if not isinstance(path, dict):
        return None
    points, ins, outs = (_points(path.get(name)) for name in ("v", "i", "o"))
    if not points or not len(points) == len(ins) == len(outs):
        return None
    contour = Contour(points[0])
    contour.points, contour.ins, contour.outs = points, ins, outs
    return contour


def _points(values: object) -> list[tuple[float, float]]:
    if not isinstance(values, list):
        return []
    return [(number(value[0]), number(value[1])) for value in values if isinstance(value, list) and len(value) >= 2]
