"""Measures how much room each text has that a person may change, so that what is too long can be told before anything is drawn."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from contracts.letters import LINE_END, ems
from contracts.spec import Element
from node_worker.engines.lottie.elements import Found, text_documents
from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.text.edges import Placed, outside
from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import AUTO_LEADING, measurer
from node_worker.engines.lottie.text.layout import LAST, SLACK
from node_worker.engines.lottie.text.measures import Box, anchor_of

Document = dict[str, Any]
MOST = 40  # texts of a scene that are measured
_FARTHEST = 1e6  # pixels; numbers beyond are no place
_STEPS = 9  # halvings of the span in which a line's longest width lies: to one or two hundredths
_WIDEST = 6.0  # times the picture's width; what has more room than that has no bounds
_SAMPLE = "Hamburgefonstiv 2026"  # where the template's own text is too short to know its font by
_ENOUGH = 5  # letters by which a font is known
_SMALLEST, _LARGEST = 0.1, 10_000  # pixels of a letter
Measure = Callable[[Document], Box]


class _Open(msgspec.Struct):
    """A text without a box, while its longest width is looked for; in pixels of its layer."""

    item: Found
    layer: Document
    size: float
    box: Box
    anchor: float
    least: float
    most: float

    def placed(self, width: float) -> Placed:
        left, top, right, bottom = self.box
        start = left + self.anchor * (right - left) - self.anchor * width
        return Placed(self.layer, self.item.element.key, (start, top, start + width, bottom), self.box)


def measure_room(document: Document, found: Iterable[Found], library: Library) -> None:
    """Write into the elements of texts how long their lines may be. It takes a document as it stands before texts are shaped."""
    measure = measurer(document, library)
    own = {id(layer) for owner in (document, *document["assets"]) for layer in owner.get("layers") or ()}
    opened: list[_Open] = []
    for item in [one for one in found if one.element.kind == "text"][:MOST]:
        layer = item.targets[0]
        texts = text_documents(layer)
        size = number(texts[0].get("s")) if texts else 0.0
        if not _SMALLEST < size < _LARGEST:
            continue
        flat = {name: value for name, value in texts[0].items() if name not in ("sz", "ps")}
        item.element = _measured(item.element, flat, size, measure)
        if not item.element.lines and id(layer) in own and flat["t"].strip():
            left, top, right, bottom = measure(flat)
            width, height = right - left, bottom - top
            if not abs(left) + abs(top) + width + height < _FARTHEST:
                continue
            widest = max(_WIDEST * number(document["w"]), 2 * width)
            opened.append(_Open(item, layer, size, (left, top, right, bottom), anchor_of(flat), max(width, 1.0), widest))
    _open_room(document, opened)


def _measured(element: Element, text: Document, size: float, measure: Measure) -> Element:
    """The element with the breadth of its font, and the room of its box if it has one."""
    known = text["t"] if sum(char.isalnum() for char in text["t"]) >= _ENOUGH else _SAMPLE
    usual = max(map(ems, LINE_END.split(known)))
    left, _, right, _ = measure({**text, "t": known})
    width = right - left
    breadth = round(min(2.0, max(0.4, width / size / usual)), 3) if width > 0 and usual > 0 else 1.0
    if not (element.width and element.height):
        return msgspec.structs.replace(element, breadth=breadth)
    leading = number(text.get("lh"))
    lines = 1 + int(max(0.0, element.height * SLACK - size * LAST) / (leading if leading > 0 else size * AUTO_LEADING))
    return msgspec.structs.replace(element, breadth=breadth, room=round(element.width / size, 3), lines=lines)


def _open_room(document: Document, opened: list[_Open]) -> None:
    """The longest width at which each text is still inside, for all of them together."""
    cut = {warning.element for warning in outside(document, [one.placed(one.most) for one in opened])}
    bounded = [one for one in opened if one.item.element.key in cut]
    for _ in range(_STEPS):
        tried = {one.item.element.key: (one.least * one.most) ** 0.5 for one in bounded}
        cut = {warning.element for warning in outside(document, [one.placed(tried[one.item.element.key]) for one in bounded])}
        for one in bounded:
            key = one.item.element.key
            one.least, one.most = (one.least, tried[key]) if key in cut else (tried[key], one.most)
    for one in bounded:
        element: Element = one.item.element
        one.item.element = msgspec.structs.replace(element, room=round(one.least / one.size, 3))
