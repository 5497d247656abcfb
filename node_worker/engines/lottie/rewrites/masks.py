"""Draws masks that the engine cannot combine as a matte: it works from the last mask to the first, and knows no inverted one after another.

Masks act from the first to the last, each on what those before it left: it adds its area, takes it away, keeps what lies in it, or keeps
what lies in one of both alone. An inverted mask is all that lies outside its path. The feather of a mask is a blur of that size.
"""

import itertools
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import compositions, placed, wrap
from node_worker.engines.lottie.rewrites.parts import Budget, group, kind_of, name_of, still
from node_worker.engines.lottie.schema import PRECOMP, SHAPE

Document = dict[str, Any]
_MOST_MASKS = 500  # of a document
_MODES = {"l": "a", "d": "i"}  # modes that differ from others only where masks are half transparent
_STROKE, _BLUR = 22, 29  # effects' types
_ALPHA, _OUTSIDE = 1, 2  # how a matte acts


def masks(document: Document, report: Report) -> None:
    """Turn the masks of each layer that needs it."""
    budget = Budget(_MOST_MASKS)
    for layers in compositions(document):
        for layer in list(layers):
            active = [mask for mask in objects(layer.get("masksProperties")) if mask.get("mode") != "n"]
            if not active:
                continue
            if any(str(mask.get("mode")) in _MODES and _is_half(mask) for mask in active[1:]):
                detail = "A half transparent mask in the mode lighten or darken is drawn as add or intersect; use one of these."
                report("mask.mode", detail, name_of(layer))
            if not _is_drawn(active) and not (budget.take(len(active)) and _turn(document, layers, layer, active)):
                detail = "The layer's masks are combined in another way; use fewer masks, or draw them as one path."
                report("mask.mode", detail, name_of(layer))


def _is_drawn(active: list[Document]) -> bool:
    """Whether the engine combines masks rightly; found by drawing all pairs and threes of modes."""
    modes = [_mode(mask) for mask in active]
    if any(_is_soft(mask) for mask in active):
        return False
    if len(active) == 1:
        return not active[0].get("inv") or (modes[0] != "i" and not _is_half(active[0]))
    if any(mask.get("inv") for mask in active) or (modes[0] == "s" and set(modes) != {"s"}):
        return False
    following = set(modes[1:])
    if following == {"s"}:
        return len(active) == 2 or not any(map(_is_half, active[1:]))
    return following in ({"a"}, {"i"}) or len(active) == 2


def _mode(mask: Document) -> str:
    mode = str(mask.get("mode", "a"))[:1]
    return _MODES.get(mode, mode)


def _is_half(mask: Document) -> bool:
    return sampling.is_animated(mask.get("o")) or sampling.value(mask.get("o"), 0, 100.0) < 100


def _is_soft(mask: Document) -> bool:
    feather = mask.get("f")
    return sampling.is_animated(feather) or any(part > 0 for part in sampling.numbers(feather, 0))


def _turn(document: Document, layers: list[Document], layer: Document, active: list[Document]) -> bool:
    """Put a layer and the matte that its masks make into a composition."""
    if any(effect.get("en", 1) and kind_of(effect) == _STROKE for effect in objects(layer.get("ef"))):
        return False  # it is drawn along the layer's own masks
    inner = wrap(document, layers, layer)
    if inner is None:
        return False
    [content] = inner
    # A text may still run along one of them.
    content["masksProperties"] = [{**mask, "mode": "n"} for mask in objects(content["masksProperties"])]
    _Matte(document, content).lay(inner, active)
    return True


class _Matte:
    """Builds the picture whose opacity is what masks let through."""

    def __init__(self, document: Document, content: Document) -> None:
        self._document = document
        self._content = content
        self._side = float(content["ks"]["p"]["k"][0])
        self._span = {key: content[key] for key in ("ip", "op")}

    def lay(self, inner: list[Document], active: list[Document]) -> None:
        """Put the matte of masks before the content."""
        first, *following = active
        result = [self._area(first)]
        if _mode(first) == "s":
            result = self._kept([self._everything()], first, _OUTSIDE)
        for mask in following:
            match _mode(mask):
                case "s":
                    result = self._kept(result, mask, _OUTSIDE)
                case "i":
                    result = self._kept(result, mask, _ALPHA)
                case "f":
                    result = [*self._kept(result, mask, _OUTSIDE), *self._left(mask, result)]
                case _:
                    result = [self._area(mask), *result]
        self._content["tt"] = _ALPHA
        inner.insert(0, {**self._group(result), "td": 1})
        self._number(inner)

    def _kept(self, result: list[Document], mask: Document, how: int) -> list[Document]:
        return [{**self._area(mask), "td": 1}, {**self._group(result), "tt": how}]

    def _left(self, mask: Document, result: list[Document]) -> list[Document]:
        """What of a mask lies outside of what those before it left."""
        return [{**self._group(result), "td": 1}, {**self._area(mask), "tt": _OUTSIDE}]

    def _group(self, result: list[Document]) -> Document:
        """Layers as one."""
        if len(result) == 1:
            return {**result[0]}
        layers = [{**layer} for layer in result]
        self._number(layers)
        name = f"flatrender:masks:{len(self._document['assets'])}"
        self._document["assets"].append({"id": name, "layers": layers})
        side = 2 * self._side
        return {**self._layer(PRECOMP), "ks": placed(0.0), "refId": name, "w": side, "h": side}

    def _area(self, mask: Document) -> Document:
        """What lies within a mask, or outside it where it is inverted."""
        path = {"ty": "sh", "ks": mask.get("pt")}
        size = mask.get("x")
        items: list[Document] = [path]
        if sampling.is_animated(size) or sampling.value(size, 0):
            items.append({"ty": "op", "a": size, "lj": 2, "ml": still(4)})
        if mask.get("inv"):
            items.insert(0, self._everything()["shapes"][0]["it"][0])
        rule = 2 if mask.get("inv") else 1
        layer = {**self._layer(SHAPE), "shapes": [group([*items, self._paint(rule)])]}
        layer["ks"] = {**placed(self._side), "o": mask.get("o") or still(100)}
        if _is_soft(mask):
            layer["ef"] = [_blur(mask["f"])]
        return layer

    def _everything(self) -> Document:
        far = 0.99 * self._side
        corners = [[far, -far], [far, far], [-far, far], [-far, -far]]
        flat = [[0, 0]] * 4
        square = {"ty": "sh", "ks": still({"v": corners, "i": flat, "o": flat, "c": True})}
        return {**self._layer(SHAPE), "ks": placed(self._side), "shapes": [group([square, self._paint(1)])]}

    def _layer(self, kind: int) -> Document:
        return {"ty": kind, "nm": "", "st": 0, "sr": 1, "bm": 0, **self._span}

    @staticmethod
    def _paint(rule: int) -> Document:
        return {"ty": "fl", "c": still([1, 1, 1, 1]), "o": still(100), "r": rule}

    @staticmethod
    def _number(layers: list[Document]) -> None:
        for index, layer in enumerate(layers, 1):
            layer["ind"] = index
            layer.pop("parent", None)
        for above, layer in itertools.pairwise(layers):
            if layer.get("tt"):
                layer["tp"] = above["ind"]


def _blur(feather: Document) -> Document:
    """An effect that blurs in both directions as much as a mask's feather says for the first."""
    values = [{"ty": 0, "v": _first(feather)}, {"ty": 7, "v": still(1)}, {"ty": 7, "v": still(0)}]
    return {"ty": _BLUR, "nm": "", "en": 1, "ef": values}


def _first(prop: Document) -> Document:
    """A property's first number as a property of its own."""
    frames = sampling.keyframes(prop)
    if not frames:
        return still(sampling.value(prop, 0))
    kept = []
    for frame in frames:
        ends = {end: sampling.plain(frame[end])[:1] for end in ("s", "e") if sampling.plain(frame.get(end))}
        kept.append({**frame, **ends})
    return {"a": 1, "k": kept}
