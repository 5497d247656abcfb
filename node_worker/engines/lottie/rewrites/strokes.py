"""Turns the effect Stroke, which outlines a layer's masks, into shapes: the engine knows it as the way to uncover a layer alone.

Its values and what they mean are those of After Effects' effect, drawn as lottie-web does (`SVGStrokeEffect`).
"""

import copy
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import MOST_LAYERS, compositions, free_index
from node_worker.engines.lottie.rewrites.parts import Budget, kind_of, name_of, still

Document = dict[str, Any]
_STROKE = 22  # an effect's type
_PATH, _ALL, _COLOUR, _SIZE, _OPACITY, _START, _END, _STYLE = 0, 1, 3, 4, 6, 7, 8, 10  # places of its values
_TRANSPARENT, _UNCOVER = 2, 3  # styles; the remaining one is "on the layer"
_MOST_MASKS = 500  # that are outlined, of a document
_TIMING = ("parent", "ip", "op", "st", "sr", "bm", "ddd")


def strokes(document: Document, report: Report) -> None:
    """Put a layer with the masks' outlines over each layer that has them stroked."""
    budget = Budget(_MOST_MASKS)
    for layers in compositions(document):
        for layer in list(layers):
            for effect in [one for one in objects(layer.get("ef")) if kind_of(one) == _STROKE]:
                values = [value.get("v") for value in objects(effect.get("ef"))]
                style = sampling.value(values[_STYLE], 0, 1.0) if len(values) > _STYLE else _UNCOVER
                if style == _UNCOVER or not effect.get("en", 1):
                    continue
                layer["ef"].remove(effect)
                outlined = list(_outlined(layer, values))
                index = free_index(layers) if len(layers) <= MOST_LAYERS else None
                told = all(isinstance(values[place], dict) for place in (_COLOUR, _SIZE, _OPACITY, _START, _END))
                if index is None or not told or not _stands_alone(layer) or not budget.take(len(outlined)):
                    detail = (
                        "The outline of the effect Stroke is not drawn on a layer with a matte; draw it as a shape of a layer of its own."
                    )
                    report("effect.stroke", detail, name_of(layer))
                    continue
                if outlined:
                    layers.insert(layers.index(layer), _layer(layer, outlined, values, index))
                if style == _TRANSPARENT:
                    layer["ks"] = {**(layer.get("ks") or {}), "o": still(0)}


def _stands_alone(layer: Document) -> bool:
    return not layer.get("tt") and not layer.get("td") and isinstance(layer.get("ks"), dict)


def _outlined(layer: Document, values: list[Any]) -> Iterator[Document]:
    """The outlines of the masks that are stroked, as shapes."""
    masks = list(objects(layer.get("masksProperties")))
    if sampling.value(values[_ALL], 0, 0.0) != 1:
        place = sampling.value(values[_PATH], 0, 1.0)
        masks = masks[int(place) - 1 : int(place)] if 1 <= place <= len(masks) else []
    yield from ({"ty": "sh", "ks": copy.deepcopy(mask["pt"])} for mask in masks if isinstance(mask.get("pt"), dict))


def _layer(layer: Document, outlined: list[Document], values: list[Any], index: int) -> Document:
    line = {
        "ty": "st",
        "c": copy.deepcopy(values[_COLOUR]),
        "o": _times(values[_OPACITY], 100),
        "w": _times(values[_SIZE], 2),
        "lc": 2,
        "lj": 2,
        "ml": 4,
    }
    items: list[Document] = [*outlined, line]
    if any(value != still(usual) for value, usual in ((values[_START], 0), (values[_END], 100))):
        trim = {"ty": "tm", "s": copy.deepcopy(values[_START]), "e": copy.deepcopy(values[_END]), "o": still(0), "m": 1}
        items.insert(len(outlined), trim)
    whole = {"ty": "tr", "p": still([0, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(0), "o": still(100)}
    timing = {name: layer[name] for name in _TIMING if name in layer}
    shapes = [{"ty": "gr", "it": [*items, whole]}]
    return {"ty": 4, "ind": index, "nm": name_of(layer), "ks": copy.deepcopy(layer["ks"]), **timing, "shapes": shapes}


def _times(held: Any, factor: float) -> Any:
    """A property of one number, still or animated, times a factor."""
    if not isinstance(held, dict):
        return held
    keys = held.get("k")
    if not isinstance(keys, list):
        return {**held, "k": number(keys) * factor if number(keys) == number(keys) else keys}
    return {**held, "k": [_key(key, factor) for key in keys]}


def _key(key: Any, factor: float) -> Any:
    if not isinstance(key, dict):
        return number(key) * factor if number(key) == number(key) else key
    values = {name: [_key(one, factor) for one in key[name]] for name in ("s", "e") if isinstance(key.get(name), list)}
    return {**key, **values}
