"""Draws half transparent groups as one picture: the engine draws each of their shapes half transparent, so that one shows through another.

Only a layer is drawn as a whole, so a layer with such groups becomes a composition of layers, one for each and for what lies between.
"""

import math
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.extent import shapes as extent_of
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import compositions, free_index, shift_masks
from node_worker.engines.lottie.rewrites.parts import PAINTS, STROKES, Budget, name_of, still

Document = dict[str, Any]
Piece = tuple[list[Any], Document | None]  # shapes, and the opacity with which they are drawn as one
_MOST_PIECES = 2000  # of a document
_FARTHEST = 20_000.0  # pixels from a layer's origin
_SHAPES, _PRECOMP, _NULL = 4, 0, 3  # layers' types
_COPIED = frozenset(("rd", "op", "pb", "zz", "tw"))  # shapes that change each path by itself
_OF_THE_PICTURE = ("ks", "shapes", "parent", "ao", "ddd")  # what a layer's picture does not take along


def opacity(document: Document, report: Report) -> None:
    """Split each layer that needs it."""
    budget = Budget(_MOST_PIECES)
    for layers in compositions(document):
        for layer in list(layers):
            if layer.get("ty") == _SHAPES and isinstance(layer.get("shapes"), list) and _needs(layer["shapes"]):
                pieces = _cut(layer["shapes"])
                far = 2 * extent_of(layer["shapes"])
                if (
                    pieces is None
                    or not far <= _FARTHEST
                    or not budget.take(len(pieces))
                    or not _split(document, layers, layer, pieces, far)
                ):
                    detail = "A half transparent group of several shapes is drawn shape by shape; give it a layer of its own."
                    report("group.opacity", detail, name_of(layer))


def _needs(items: list[Any]) -> bool:
    return any(
        item.get("ty") == "gr" and isinstance(item.get("it"), list) and (_is_one(item) or _needs(item["it"])) for item in objects(items)
    )


def _is_one(item: Document) -> bool:
    """Whether a group is half transparent at some time and consists of several pictures."""
    transform = _transform(item)
    prop = transform.get("o") if transform else None
    if prop is None or item.get("hd") or not (sampling.is_animated(prop) or 0 < sampling.value(prop, 0, 100.0) < 100):
        return False
    return _pictures(item["it"]) > 1


def _transform(item: Document) -> Document | None:
    return next((one for one in objects(item.get("it")) if one.get("ty") == "tr"), None)


def _pictures(items: object) -> int:
    """How many pictures a list of shapes is drawn as: a fill and a line of one outline are one."""
    shown = [item for item in objects(items) if not item.get("hd")]
    lines = sum(item.get("ty") in STROKES for item in shown)
    fills = sum(item.get("ty") in PAINTS for item in shown) - lines
    return max(lines, fills) + sum(_pictures(item.get("it")) for item in shown if item.get("ty") == "gr")


def _cut(items: list[Any]) -> list[Piece] | None:
    """The pieces of a list of shapes, uppermost first; None where paint or cuts of the list act on several of them."""
    tail = [item for item in objects(items) if item.get("ty") in _COPIED]
    kinds = {item.get("ty") for item in objects(items) if not item.get("hd")} - {"gr", "tr", "mm"} - _COPIED
    if kinds:
        return None
    pieces: list[Piece] = []
    for item in objects(items):
        if item.get("ty") != "gr" or item.get("hd"):
            continue
        inner: list[Piece] = [([item], None)]
        if _is_one(item):
            inner = [_as_one(item)]
        elif isinstance(item.get("it"), list) and _needs(item["it"]):
            cut = _cut(item["it"])
            if cut is None:
                return None
            transform = [one for one in item["it"] if isinstance(one, dict) and one.get("ty") == "tr"]
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


def _split(document: Document, layers: list[Document], layer: Document, pieces: list[Piece], far: float) -> bool:
    """Let a layer be a composition of pieces. Its place is kept by a null, on which it and its children hang."""
    index = free_index(layers)
    if index is None:
        return False
    side = float(math.ceil(far))
    begin, end = (layer.get(name, document.get(name, 0)) for name in ("ip", "op"))
    inner = []
    for place, (shapes, shown) in enumerate(pieces, 1):
        ks = {"p": still([side, side, 0]), "a": still([0, 0, 0]), "s": still([100, 100, 100]), "r": still(0), "o": shown or still(100)}
        inner.append({"ty": _SHAPES, "nm": "", "ind": place, "ip": begin, "op": end, "st": 0, "sr": 1, "bm": 0, "ks": ks, "shapes": shapes})
    name = f"flatrender:groups:{sum(1 for _ in document['assets'])}"
    document["assets"].append({"id": name, "layers": inner})
    held = layer.get("ks") if isinstance(layer.get("ks"), dict) else {}
    anchor = {key: layer[key] for key in ("ks", "parent", "ao", "ddd", "ip", "op") if key in layer}
    layers.append({"ty": _NULL, "nm": "", "ind": index, "st": 0, "sr": 1, **anchor})
    own = layer.get("ind")
    if not math.isnan(number(own)):
        for other in layers:
            if other.get("parent") == own and other is not layer:
                other["parent"] = index
    for key in (*_OF_THE_PICTURE, "tm"):
        layer.pop(key, None)
    shift_masks(layer, side)
    ks = {"p": still([0, 0, 0]), "a": still([side, side, 0]), "s": still([100, 100, 100]), "r": still(0), "o": held.get("o") or still(100)}
    layer.update(ty=_PRECOMP, refId=name, w=2 * side, h=2 * side, st=0, sr=1, ks=ks, parent=index)
    return True
