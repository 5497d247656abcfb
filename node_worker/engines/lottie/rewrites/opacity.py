"""Draws half transparent groups as one picture: the engine draws each of their shapes half transparent, so that one shows through another.

Only a layer is drawn as a whole, so a layer with such groups becomes a composition of layers, one for each and for what lies between.
"""

from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import compositions, wrap
from node_worker.engines.lottie.rewrites.parts import PAINTS, STROKES, Budget, kind_of, name_of, still
from node_worker.engines.lottie.schema import SHAPE

Document = dict[str, Any]
Piece = tuple[list[Any], Document | None]  # shapes, and the opacity with which they are drawn as one
_MOST_PIECES = 2000  # of a document
_COPIED = frozenset(("rd", "op", "pb", "zz", "tw"))  # shapes that change each path by itself


def opacity(document: Document, report: Report) -> None:
    """Split each layer that needs it."""
    budget = Budget(_MOST_PIECES)
    for layers in compositions(document):
        for layer in list(layers):
            if kind_of(layer) == SHAPE and isinstance(layer.get("shapes"), list) and _look(layer["shapes"])[1]:
                pieces = _cut(layer["shapes"])
                if pieces is None or not budget.take(len(pieces)) or not _split(document, layers, layer, pieces):
                    detail = "A half transparent group of several shapes is drawn shape by shape; give it a layer of its own."
                    report("group.opacity", detail, name_of(layer))


def _look(items: object) -> tuple[int, bool]:
    """How many pictures a list of shapes is drawn as (fill and line of one outline are one), and whether a group of it needs a layer."""
    found = [item for item in objects(items) if not item.get("hd")]
    lines = sum(kind_of(item) in STROKES for item in found)
    fills = sum(kind_of(item) in PAINTS for item in found) - lines
    count, needs = max(lines, fills), False
    for item in found:
        if kind_of(item) == "gr":
            own, inner = _look(item.get("it"))
            count += own
            needs = needs or inner or (own > 1 and _is_faded(item))
    return count, needs


def _is_faded(item: Document) -> bool:
    """Whether a group is half transparent at some time."""
    transform = _transform(item)
    prop = transform.get("o") if transform else None
    return prop is not None and (sampling.is_animated(prop) or 0 < sampling.value(prop, 0, 100.0) < 100)


def _transform(item: Document) -> Document | None:
    return next((one for one in objects(item.get("it")) if kind_of(one) == "tr"), None)


def _cut(items: list[Any]) -> list[Piece] | None:
    """The pieces of a list of shapes, uppermost first; None where paint or cuts of the list act on several of them."""
    tail = [item for item in objects(items) if kind_of(item) in _COPIED]
    kinds = {kind_of(item) for item in objects(items) if not item.get("hd")} - {"gr", "tr", "mm"} - _COPIED
    if kinds:
        return None
    pieces: list[Piece] = []
    for item in objects(items):
        if kind_of(item) != "gr" or item.get("hd"):
            continue
        inner: list[Piece] = [([item], None)]
        if _is_faded(item) and _look(item.get("it"))[0] > 1:
            inner = [_as_one(item)]
        elif isinstance(item.get("it"), list) and _look(item["it"])[1]:
            cut = _cut(item["it"])
            if cut is None:
                return None
            transform = [one for one in item["it"] if isinstance(one, dict) and kind_of(one) == "tr"]
            inner = [([{**item, "it": [*shapes, *transform]}], shown) for shapes, shown in cut]
        for shapes, shown in inner:
            if shown is None and pieces and pieces[-1][1] is None:
                pieces[-1][0].extend(shapes)
            else:
                pieces.append(([*shapes], shown))
    return [([*shapes, *tail], shown) for shapes, shown in pieces]


def _as_one(item: Document) -> Piece:
    transform = _transform(item)
    assert transform is not None, "a group that is half transparent says so in its transformation"
    rest = [one for one in item["it"] if one is not transform]
    return [{**item, "it": [*rest, {**transform, "o": still(100)}]}], transform["o"]


def _split(document: Document, layers: list[Document], layer: Document, pieces: list[Piece]) -> bool:
    """Let a layer be a composition of pieces, all masked as it was; False if it cannot be."""
    inner = wrap(document, layers, layer)
    if inner is None:
        return False
    whole = inner.pop()
    for index, (shapes, shown) in enumerate(pieces, 1):
        inner.append({**whole, "ind": index, "ks": {**whole["ks"], "o": shown or still(100)}, "shapes": shapes})
    return True
