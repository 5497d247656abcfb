"""Merged paths: those that leave out what they share are filled so; what else needs areas to be cut is told.

Letters that became shapes are merged too, outline and holes, which come out right by their directions alone: only outlines that overlap
without one lying in the other are told.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.outline import outline
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import OUTLINES, STROKES, kind_of, name_of, shape_layers, shape_lists

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom
_ADD, _SUBTRACT, _INTERSECT, _EXCLUDE = 2, 3, 4, 5
_EVEN_ODD = 2  # a fill's rule
_MOST_OUTLINES = 40  # of a list that are compared


def merging(document: Document, report: Report) -> None:
    """Look at each list of shapes that merges paths."""
    for layer in shape_layers(document):
        for items in shape_lists(layer["shapes"]):
            for index, item in enumerate(items):
                if isinstance(item, dict) and kind_of(item) == "mm" and not item.get("hd"):
                    _merge(item, items, index, layer, report)


def _merge(merge: Document, items: list[Any], index: int, layer: Document, report: Report) -> None:
    mode, after = merge.get("mm"), list(objects(items[index:]))
    if mode == _EXCLUDE:
        for item in after:
            if kind_of(item) in ("fl", "gf"):
                item["r"] = _EVEN_ODD
    stroked = any(kind_of(item) in STROKES for item in after)
    if (mode in (_SUBTRACT, _INTERSECT) or (mode in (_ADD, _EXCLUDE) and stroked)) and _overlap(items[:index]):
        detail = "Paths that are merged by adding, subtracting or intersecting are drawn unmerged; merge them in the designing program."
        report("shape.merge", detail, name_of(layer))


def _overlap(items: list[Any]) -> bool:
    """Whether two outlines overlap, and none of both lies in the other."""
    boxes = [_box(found) for item in _first(items) if (found := outline(item, 0.0))]
    return any(_cross(one, other) for one, other in itertools.combinations(boxes, 2))


def _first(items: list[Any]) -> Iterator[Document]:
    """The outlines of a list, as many as are compared."""
    return itertools.islice((item for item in objects(items) if kind_of(item) in OUTLINES), _MOST_OUTLINES)


def _box(path: Document) -> Box:
    xs, ys = zip(*path["v"], strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _cross(one: Box, other: Box) -> bool:
    apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    return not apart and not _within(one, other) and not _within(other, one)


def _within(inner: Box, outer: Box) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]
