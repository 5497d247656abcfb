"""Tells of texts that a person made so long that they are cut off by the picture's edge, where the template's own text was not.

A text may stand outside on purpose, as one that runs through the picture: so what counts is the template's own text in its place. Where
that lies inside the picture, the person's must too, in most of the moments at which one looks.
"""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from contracts.spec import Warning
from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import PRECOMP
from node_worker.engines.lottie.text.measures import Box

Document = dict[str, Any]
_Matrix = tuple[float, float, float, float, float, float]  # x' = a x + c y + e, y' = b x + d y + f
_MOMENTS = 11
_DEEPEST = 12  # compositions in each other, and parents, that are followed
_SLACK = 0.02  # of the picture's side: nobody sees that a letter's foot is missing


class Placed(msgspec.Struct, frozen=True):
    """A person's text in its layer: the element, where it lies, and where the template's own would."""

    layer: Document
    element: str
    box: Box
    meant: Box


def outside(document: Document, texts: list[Placed]) -> Iterator[Warning]:
    """A warning for each text that is cut off."""
    if not texts:
        return
    frames = _Frames(document)
    told: set[str] = set()
    for text in texts:
        inside = lost = 0
        for moment in frames.moments(text.layer):
            if frames.holds(text.layer, text.meant, moment):
                inside += 1
                lost += not frames.holds(text.layer, text.box, moment)
        if lost * 2 > inside and text.element not in told:
            told.add(text.element)
            detail = "The text is too long for the picture and is cut off at its edge; shorten it, or put it on two lines."
            yield Warning(code="text.outside", detail=detail, element=text.element)


class _Frames:
    """A document's compositions: who holds which layer, and which layer shows which composition."""

    def __init__(self, document: Document) -> None:
        self._owner: dict[int, Document] = {}
        self._uses: dict[int, Document] = {}  # a composition's identity to the first layer that shows it
        self._root = document
        assets = {str(asset.get("id")): asset for asset in objects(document.get("assets")) if isinstance(asset.get("layers"), list)}
        for owner in (document, *assets.values()):
            for layer in objects(owner.get("layers")):
                self._owner[id(layer)] = owner
                if layer.get("ty") == PRECOMP and (shown := assets.get(str(layer.get("refId")))) is not None:
                    self._uses.setdefault(id(shown), layer)

    def moments(self, layer: Document) -> list[float]:
        """Moments of a layer's own composition at which it shows."""
        start, end = number(layer.get("ip")), number(layer.get("op"))
        if not start < end:
            return []
        return [start + (end - start) * (index + 0.5) / _MOMENTS for index in range(_MOMENTS)]

    def holds(self, layer: Document, box: Box, moment: float) -> bool:
        """Whether a box of a layer lies within its composition, and within those that show it in turn."""
        corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        for _ in range(_DEEPEST):
            owner = self._owner.get(id(layer))
            if owner is None:
                return True
            matrix = self._matrix(layer, owner, moment)
            corners = [_applied(matrix, corner) for corner in corners]
            use = self._uses.get(id(owner))
            side = owner if use is None else use
            width, height = number(side.get("w")), number(side.get("h"))
            if width > 0 and height > 0 and not all(_within(x, width) and _within(y, height) for x, y in corners):
                return False
            if use is None:
                return True
            moment = moment * number(use.get("sr"), 1.0) + number(use.get("st"), 0.0)
            layer = use
        return True

    def _matrix(self, layer: Document, owner: Document, moment: float) -> _Matrix:
        """From a layer's coordinates to its composition's, through its parents."""
        found = _own(layer, moment)
        numbers = {one["ind"]: one for one in objects(owner.get("layers")) if isinstance(one.get("ind"), int)}
        for _ in range(_DEEPEST):
            parent = layer.get("parent")
            above = numbers.get(parent) if isinstance(parent, int) else None
            if above is None:
                break
            layer, found = above, _product(_own(above, moment), found)
        return found


def _within(value: float, side: float) -> bool:
    return -_SLACK * side <= value <= (1 + _SLACK) * side


def _own(layer: Document, moment: float) -> _Matrix:
    """A layer's own transform: its anchor goes to its place, scaled and turned about it."""
    held = layer.get("ks")
    ks = held if isinstance(held, dict) else {}
    x, y = sampling.place(ks.get("p"), moment)
    ax, ay = sampling.place(ks.get("a"), moment)
    sx, sy, *_ = (*sampling.numbers(ks.get("s"), moment, (100.0, 100.0)), 100.0)
    turn = math.radians(sampling.value(ks.get("r") or ks.get("rz"), moment))
    cos, sin = math.cos(turn), math.sin(turn)
    a, b, c, d = cos * sx / 100, sin * sx / 100, -sin * sy / 100, cos * sy / 100
    return a, b, c, d, x - a * ax - c * ay, y - b * ax - d * ay


def _applied(matrix: _Matrix, point: tuple[float, float]) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def _product(one: _Matrix, other: _Matrix) -> _Matrix:
    """First `other`, then `one`."""
    x, y = _applied(one, (other[4], other[5]))
    a, b, c, d = one[:4]
    return a * other[0] + c * other[1], b * other[0] + d * other[1], a * other[2] + c * other[3], b * other[2] + d * other[3], x, y
