"""What rewrites of layers share: compositions, free numbers, and a layer that becomes a composition of layers."""

import math
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.extent import shapes as extent_of
from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.rewrites.parts import kind_of, still
from node_worker.engines.lottie.schema import IMAGE, NULL, PRECOMP, SHAPE

Document = dict[str, Any]
_CONTENT = ("ty", "refId", "shapes", "t", "tm", "w", "h", "sw", "sh", "sc", "st", "sr", "masksProperties", "hasMask", "au", "cl", "nm")
_PLACE = ("ks", "parent", "ao", "ddd")
FARTHEST = 20_000.0  # pixels from a layer's origin, within which it can be wrapped
MOST_LAYERS = 5000  # of a composition in which layers are wrapped: all are looked through for each
_MOST_INDICES = 0x7FFF  # the engine keeps a layer's number in 16 bits


def compositions(document: Document) -> Iterator[list[Document]]:
    """Every composition's list of layers, those that are added meanwhile too."""
    yield document["layers"]
    index = 0
    while index < len(document["assets"]):
        layers = document["assets"][index].get("layers")
        if isinstance(layers, list):
            yield layers
        index += 1


def free_index(layers: list[Document]) -> int | None:
    """A number that no layer of a composition has, nor names as parent or matte; None if there is none."""
    taken = {layer.get(key) for layer in layers for key in ("ind", "parent", "tp") if isinstance(layer.get(key), (int, float))}
    return next((index for index in range(len(layers) + 1, _MOST_INDICES) if index not in taken), None)


def wrap(document: Document, layers: list[Document], layer: Document) -> list[Document] | None:
    """Let a layer be a composition, in which a new layer holds its content and masks. That composition's layers; None if it cannot be.

    What acts on the finished picture stays: opacity, matte, effects, blending. The place is kept by a null, on which the layer and its
    children hang, as a composition shows nothing to the left of its origin or above: the content is moved to the right and down, by
    `side_of` pixels.
    """
    if len(layers) > MOST_LAYERS:
        return None
    index, side = free_index(layers), side_of(document, layer)
    if index is None or side is None:
        return None
    span = {"ip": layer.get("ip", document.get("ip", 0)), "op": layer.get("op", document.get("op", 0))}
    usual = {"nm": "", "sr": 1, "st": 0, "bm": 0, **span}
    content = {**usual, "ind": 1, "ks": placed(side), **{key: layer[key] for key in _CONTENT if key in layer}}
    name = f"flatrender:wrapped:{len(document['assets'])}"
    inner = [content]
    document["assets"].append({"id": name, "layers": inner})
    held = layer.get("ks")
    opacity = held.get("o") if isinstance(held, dict) else None
    layers.append({**usual, "ty": NULL, "ind": index, **{key: layer[key] for key in _PLACE if key in layer}})
    _hang_on(layers, layer, index)
    for key in (*_CONTENT, *_PLACE):
        if key != "nm":
            layer.pop(key, None)
    middle = {"p": still([0, 0, 0]), "a": still([side, side, 0]), "s": still([100, 100, 100]), "r": still(0), "o": opacity or still(100)}
    layer.update({**usual, **layer, "ty": PRECOMP, "refId": name, "w": 2 * side, "h": 2 * side, "st": 0, "sr": 1})
    layer.update(ks=middle, parent=index)
    return inner


def side_of(document: Document, layer: Document) -> float | None:
    """How far a layer's content is moved when it is wrapped, in pixels; None where it reaches too far."""
    own = [number(layer.get(side)) for side in ("w", "h", "sw", "sh")]
    asset: Document = (
        next((one for one in document["assets"] if one.get("id") == layer.get("refId")), {}) if kind_of(layer) == IMAGE else {}
    )
    own += [number(asset.get(side)) for side in ("w", "h")]
    far = 2 * max(float(document["w"]), float(document["h"]), *(size for size in own if not math.isnan(size)))
    if kind_of(layer) == SHAPE:
        far = max(far, 2 * extent_of(layer.get("shapes")))
    return float(math.ceil(far)) if far <= FARTHEST else None


def placed(side: float) -> Document:
    """A transformation that moves to the right and down."""
    return {"p": still([side, side, 0]), "a": still([0, 0, 0]), "s": still([100, 100, 100]), "r": still(0), "o": still(100)}


def _hang_on(layers: list[Document], layer: Document, index: int) -> None:
    own = layer.get("ind")
    if not math.isnan(number(own)):
        for other in layers:
            if other.get("parent") == own and other is not layer:
                other["parent"] = index
