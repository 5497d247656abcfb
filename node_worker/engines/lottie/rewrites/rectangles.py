"""Draws rectangles as paths or with corners that are hardly round: the engine cuts the edges of others at whole pixels."""

from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.outline import rectangle
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import (
    STROKES,
    Budget,
    Shape,
    cost_of,
    frames_of,
    kind_of,
    linear,
    shape_layers,
    shapes,
    span_of,
    still,
)

Document = dict[str, Any]
_HARDLY = 0.001  # pixels of a corner's radius: enough to be drawn as a curve
_CHANGES = frozenset(("rd", "op", "pb", "zz"))  # shapes that change outlines, and do to rectangles what they should
_MOST_KEYS = 100_000  # keyframes of paths in a document


def rectangles(document: Document, report: Report) -> None:
    """Rewrite every rectangle with sharp corners."""
    budget = Budget(_MOST_KEYS)
    for layer in shape_layers(document):
        for shape in shapes(layer["shapes"]):
            if kind_of(shape.item) == "rc":
                _at_least_sharp(shape.item)
                if not shape.behind & _CHANGES:
                    _turn(shape, budget)


def _at_least_sharp(item: Document) -> None:
    """A corner is sharp at the least: the engine draws a negative radius far beyond the rectangle, and each of its dashes."""
    radius = item.get("r")
    if not sampling.is_animated(radius):
        if sampling.value(radius, 0) < 0:
            item["r"] = still(0)
        return
    for frame in objects(item["r"].get("k")):
        for end in ("s", "e"):
            held = frame.get(end)
            if number(held[0] if isinstance(held, list) and held else held) < 0:
                frame[end] = [0]


def _turn(shape: Shape, budget: Budget) -> None:
    item = shape.item
    radius = item.get("r")
    if sampling.is_animated(radius):
        _round_a_little(item)
        return
    if sampling.value(radius, 0) != 0:
        return
    measures = item.get("s"), item.get("p")
    if span_of(measures) is None:
        ks = still(rectangle(item, 0, 0.0))
    elif shape.behind & STROKES:
        frames = frames_of(measures)
        if not budget.take(cost_of(frames, measures)):
            return
        ks = linear((frame, [rectangle(item, frame, 0.0)]) for frame in frames)
    else:
        item["r"] = still(_HARDLY)  # a line's joins would be seen to be round
        return
    for key in ("s", "p", "r"):
        item.pop(key, None)
    item.update(ty="sh", ks=ks)


def _round_a_little(item: Document) -> None:
    for frame in objects(item["r"].get("k")):
        for end in ("s", "e"):
            held = frame.get(end)
            if held in (0, [0]) or (isinstance(held, list) and held and number(held[0]) == 0):
                frame[end] = [_HARDLY]
