"""What rewrites of layers share: compositions, free numbers, and masks that move with what they mask."""

from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects

Document = dict[str, Any]
_MOST_INDICES = 0x7FFF  # the engine keeps a layer's number in 16 bits


def compositions(document: Document) -> Iterator[list[Document]]:
    """Every composition's list of layers; what is added to the document meanwhile is passed over."""
    for owner in (document, *document["assets"]):
        layers = owner.get("layers")
        if isinstance(layers, list):
            yield layers


def free_index(layers: list[Document]) -> int | None:
    """A number that no layer of a composition has, nor names as parent or matte; None if there is none."""
    taken = {layer.get(key) for layer in layers for key in ("ind", "parent", "tp") if isinstance(layer.get(key), (int, float))}
    return next((index for index in range(len(layers) + 1, _MOST_INDICES) if index not in taken), None)


def shift_masks(layer: Document, distance: float) -> None:
    """Move a layer's masks to the right and down."""
    for mask in objects(layer.get("masksProperties")):
        prop = mask.get("pt")
        k = prop.get("k") if isinstance(prop, dict) else None
        held = [k] if isinstance(k, dict) else [frame.get(end) for frame in objects(k) for end in ("s", "e")]
        for one in held:
            path = one[0] if isinstance(one, list) and one else one
            if isinstance(path, dict) and isinstance(path.get("v"), list):
                path["v"] = [_moved(point, distance) for point in path["v"]]


def _moved(point: Any, distance: float) -> Any:
    if isinstance(point, list) and all(isinstance(part, (int, float)) for part in point):
        return [part + distance for part in point]
    return point
