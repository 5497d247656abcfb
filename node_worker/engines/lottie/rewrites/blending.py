"""Blend modes: compositions keep their mixing to themselves, a fill's mode becomes its group's, and what is mixed otherwise is told."""

import re
from typing import Any

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.mixing import mixed_here
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.schema import PRECOMP
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
# A key of the document, not letters of a text, in which the quotes would be escaped.
_USED = re.compile(rb'(?<!\\)"bm":[1-9]')
_PAINTS = ("fl", "st", "gf", "gs")
_ISOLATED = 99.8  # percent: the engine mixes a composition by itself once it is not quite opaque; of 255 levels this costs one
# Modes by their numbers in the format whose formulas in the engine are not those of W3C's "Compositing and Blending": compared over
# 400 pairs of colours each, mean errors of 20 to 120 of 255 levels; all others are at most 3 levels off.
_OTHERWISE = {9: "soft light", 12: "hue", 13: "saturation", 14: "colour", 15: "luminosity", 17: "hard mix"}


def blends(encoded: bytes) -> bool:
    """Whether an encoded document uses a blend mode anywhere."""
    return _USED.search(encoded) is not None


def blending(document: Document, report: Report) -> None:
    """Isolate compositions in which layers blend, as the designing program does, and bring fills' modes where the engine reads them."""
    ours = {id(document["layers"][index]) for index in mixed_here(document["layers"])}
    mixed = {str(asset.get("id")) for asset in objects(document.get("assets")) if any(map(_mixes, objects(asset.get("layers"))))}
    for layer in all_layers(document):
        name = str(layer.get("nm", ""))
        if layer.get("ty") == PRECOMP and str(layer.get("refId")) in mixed and not layer.get("ct"):
            _isolate(layer)
        if _mixes(layer):
            _of_items(layer.get("shapes"), None, name, report)
            if id(layer) not in ours:
                _tell(layer, f"The layer {name!r}", name, report)


def mode_of(item: Document) -> int:
    """An item's blend mode; 0 for none."""
    found = number(item.get("bm"))
    return int(found) if found > 0 else 0


def _mixes(layer: Document) -> bool:
    return mode_of(layer) > 0 or _any_mode(layer.get("shapes"))


def _any_mode(items: object) -> bool:
    return any(mode_of(item) or _any_mode(item.get("it")) for item in objects(items))


def _isolate(layer: Document) -> None:
    """Keep a layer's opacity below that at which the engine draws its content straight into what is below it."""
    transform = layer.setdefault("ks", {})
    if not isinstance(transform, dict):
        return
    opacity = transform.setdefault("o", {"a": 0, "k": 100})
    if not isinstance(opacity, dict):
        return
    held = opacity.get("k")
    if isinstance(held, list) and held and isinstance(held[0], dict):
        for frame in objects(held):
            for end in ("s", "e"):
                if end in frame:
                    frame[end] = _lowered(frame[end])
    else:
        opacity["k"] = _lowered(held)


def _lowered(value: object) -> object:
    if isinstance(value, list):
        return [_lowered(part) for part in value]
    return _ISOLATED if number(value) > _ISOLATED else value


def _of_items(items: object, group: Document | None, layer: str, report: Report) -> None:
    """A paint's mode is the engine's if it is the group's: possible where the group has no other paint, and no mode yet."""
    found = list(objects(items))
    painted = [item for item in found if item.get("ty") in _PAINTS and not item.get("hd")]
    for item in found:
        if item.get("ty") == "gr":
            _tell(item, f"A group of the layer {layer!r}", layer, report)
            _of_items(item.get("it"), item, layer, report)
        elif item.get("ty") in _PAINTS and (mode := mode_of(item)):
            alone = len(painted) == 1 and not any(one.get("ty") == "gr" for one in found)
            if group is not None and alone and mode_of(group) in (0, mode):
                group["bm"] = mode
                _tell(group, f"A group of the layer {layer!r}", layer, report)
            else:
                detail = (
                    f"A fill or stroke of the layer {layer!r} has a blend mode of its own, which is not drawn; give the mode to a layer."
                )
                report("shape.blend_mode", detail, layer)


def _tell(item: Document, what: str, layer: str, report: Report) -> None:
    mode = mode_of(item)
    if mode in _OTHERWISE:
        detail = f"{what} is in the mode {_OTHERWISE[mode]}, which is drawn with other colours; try overlay, screen or multiply instead."
        report("layer.blend_mode", detail, layer)
