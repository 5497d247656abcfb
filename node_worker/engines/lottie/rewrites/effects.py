"""Turns effects and layer styles that the engine does not know, or combines wrongly, into what it draws."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.layers import MOST_LAYERS, compositions, free_index, wrap
from node_worker.engines.lottie.rewrites.parts import Budget, kind_of, name_of, still

Document = dict[str, Any]
_FILL, _STROKE, _SHADOW, _SET_MATTE = 21, 22, 25, 28  # effects' types
_PICTURE = frozenset((20, _FILL, 23, _SHADOW, 29))  # those that the engine draws on the finished picture
_MATTES = {4: 1, 5: 3, 7: 3}  # what Set Matte takes (alpha, luminance, lightness), as a matte's type; the next one is its inverse
_WHOLE, _OFF = 9, 10  # what Set Matte takes to mask nothing
_MOST_BYTES = 8 << 20  # of a document's mattes, as JSON
_MOST_WRAPPED = 200  # layers of a document


def effects(document: Document, report: Report) -> None:
    """Turn styles into effects, Set Matte into mattes, and let masks act before effects."""
    size, wrapped = Budget(_MOST_BYTES), Budget(_MOST_WRAPPED)
    for layers in compositions(document):
        for layer in list(layers):
            if layer.get("sy"):
                _turn_styles(layer, report)
            held = list(_enabled(layer))
            if any(kind_of(effect) == _SET_MATTE for effect in held):
                if len(layers) > MOST_LAYERS or not wrapped.take(1):
                    report("effect.set_matte", "The composition has too many layers for Set Matte; use a track matte.", name_of(layer))
                else:
                    _set_mattes(layers, layer, held, size, report)
            kinds = {kind_of(effect) for effect in held}
            masked = any(mask.get("mode") != "n" for mask in objects(layer.get("masksProperties")))
            if masked and kinds & _PICTURE and _STROKE not in kinds and not (wrapped.take(1) and wrap(document, layers, layer)):
                report(
                    "effect.mask",
                    "An effect of a masked layer is drawn without the mask; put one of both on a layer of its own.",
                    name_of(layer),
                )


def _enabled(layer: Document) -> Iterator[Document]:
    return (effect for effect in objects(layer.get("ef")) if effect.get("en", 1))


def _set_mattes(layers: list[Document], layer: Document, held: list[Document], size: Budget, report: Report) -> None:
    """Give a layer a copy of another one as its matte."""
    for effect in held:
        if kind_of(effect) != _SET_MATTE:
            continue
        values = [value.get("v") for value in objects(effect.get("ef"))]
        wanted, channel, inverse = (
            sampling.value(values[n] if n < len(values) else None, 0, usual) for n, usual in enumerate((0.0, 4.0, 0.0))
        )
        if channel in (_WHOLE, _OFF):
            continue
        source = next((other for other in layers if other.get("ind") == wanted and other is not layer), None)
        index = free_index(layers)
        if source is None or index is None or layer.get("tt") or channel not in _MATTES or any(map(sampling.is_animated, values)):
            detail = "Set Matte is drawn only with another layer's alpha or luminance and without a track matte; use a track matte instead."
            report("effect.set_matte", detail, name_of(layer))
            continue
        written = msgspec.json.encode(source)
        if not size.take(len(written)):
            report(
                "effect.set_matte", "The layer that Set Matte takes is too large to be used so often; use a track matte.", name_of(layer)
            )
            continue
        copy = msgspec.json.decode(written)
        copy.pop("tt", None)
        layers.append({**copy, "ind": index, "td": 1, "hd": False, "nm": ""})
        layer.update(tt=_MATTES[int(channel)] + (1 if inverse else 0), tp=index)


def _turn_styles(layer: Document, report: Report) -> None:
    """Draw shadows and colour overlays as effects; tell of the others."""
    made = []
    for style in objects(layer.get("sy")):
        if style.get("en") in (False, 0):
            continue
        match kind_of(style):
            case 1:  # drop shadow
                made.append(_shadow(style))
            case 7:  # colour overlay
                made.append(_overlay(style))
            case _:
                detail = "A layer style (stroke, glow, bevel, gradient …) is not drawn; draw it with shapes or an effect."
                report("layer.style", detail, name_of(layer))
    if made:
        # A shadow falls behind what the other styles and effects have coloured.
        made.sort(key=lambda effect: effect["ty"] == _SHADOW)
        layer["ef"] = [*objects(layer.get("ef")), *made]


def _shadow(style: Document) -> Document:
    """An effect's shadow falls by an angle from above, clockwise; a style's light comes by one from the right, the other way round."""
    values = [
        (2, style.get("c") or still([0, 0, 0, 1])),
        (0, _mapped(style.get("o"), 75.0, lambda percent: percent * 2.55)),
        (0, _mapped(style.get("a"), 120.0, lambda light: 270 - light)),
        (0, _mapped(style.get("d"), 5.0, lambda pixels: pixels)),
        (0, _mapped(style.get("s"), 5.0, lambda pixels: pixels)),
    ]
    return _effect(_SHADOW, values)


def _overlay(style: Document) -> Document:
    opacity = _mapped(style.get("o"), 100.0, lambda percent: percent / 100)
    unused = still(0)
    colour = style.get("c") or still([1, 0, 0, 1])
    return _effect(_FILL, [(10, unused), (7, unused), (2, colour), (7, unused), (0, unused), (0, unused), (0, opacity)])


def _effect(kind: int, values: list[tuple[int, Document]]) -> Document:
    return {"ty": kind, "nm": "", "en": 1, "ef": [{"ty": one, "nm": "", "v": value} for one, value in values]}


def _mapped(prop: Any, default: float, change: Callable[[float], float]) -> Document:
    """A property whose numbers are all changed."""
    frames = sampling.keyframes(prop)
    if not frames:
        return still(change(sampling.value(prop, 0, default)))
    kept = []
    for frame in frames:
        ends = {end: [change(part) for part in sampling.plain(frame.get(end))] for end in ("s", "e") if sampling.plain(frame.get(end))}
        kept.append({**frame, **ends})
    return {"a": 1, "k": kept}
