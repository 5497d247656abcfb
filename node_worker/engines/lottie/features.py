"""Finds in a document what the engine does not draw as its designer saw it, a warning for each feature."""

from collections.abc import Iterator
from typing import Any

from contracts.spec import Warning
from node_worker.engines.lottie.elements import text_documents, walk
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layers import wanted_fonts
from node_worker.engines.lottie.upgrade import all_layers, version_of

Document = dict[str, Any]
_DROP_SHADOW = 25
_DRAWN_EFFECTS = frozenset(
    ("0", "1", "2", "3", "4", "5", "7", "10", "11", "20", "21", "22", "23", "29")
)  # controls, tint, fill, stroke, tritone, blur

_DETAILS = {
    "layer.three_d": "A layer is in 3D; it is drawn flat.",
    "layer.camera": "The composition has a camera, which is not drawn.",
    "layer.effect": "A layer uses an effect that is not drawn.",
    "layer.style": "A layer uses layer styles (shadow, glow, stroke …), which are not drawn.",
    "effect.drop_shadow": "A drop shadow is drawn with small differences in softness.",
    "mask.mode": "Masks with modes other than add and subtract may look different at their edges.",
    "mask.feather": "Mask feather is not drawn.",
    "repeater.old": "Repeaters from Bodymovin before 5.0 may stand in other places.",
    "shape.merge": "Merged paths are drawn without merging.",
    "layer.audio": "The animation holds sounds; add them to the video as audio tracks instead.",
    "asset.missing": "A layer shows a composition or picture that the document does not hold; nothing is drawn for it.",
    "layer.auto_orient": "A layer turns along its path; compare the preview with your design.",
}


def warnings(document: Document, library: Library) -> list[Warning]:
    """One warning for each feature and layer that may look different; at most one per code and element."""
    seen: dict[tuple[str, str], Warning] = {}
    for code, element in _all(document):
        seen.setdefault((code, element), Warning(code=code, detail=_DETAILS[code], element=element))
    result = list(seen.values())[:200]
    return [*result, *_fonts(document, library)]


def _all(document: Document) -> Iterator[tuple[str, str]]:
    old = version_of(document) < (5,)
    assets = {str(asset.get("id")) for asset in document["assets"]}
    for layer in all_layers(document):
        name = str(layer.get("nm", ""))[:80]
        if layer.get("ty") in (0, 2) and str(layer.get("refId")) not in assets:
            yield "asset.missing", name
        for code in _of_layer(layer):
            yield code, name
        for value, _, _ in walk({key: part for key, part in layer.items() if key != "layers"}):
            for code in _of_value(value, old=old):
                yield code, name


def _of_layer(layer: Document) -> Iterator[str]:
    kind = layer.get("ty")
    if layer.get("ddd") == 1 and kind != 13:
        yield "layer.three_d"
    if kind == 13:
        yield "layer.camera"
    if kind == 6:
        yield "layer.audio"
    if layer.get("sy"):
        yield "layer.style"
    if layer.get("ao") == 1:
        yield "layer.auto_orient"
    for effect in objects(layer.get("ef")):
        if effect.get("ty") == _DROP_SHADOW:
            yield "effect.drop_shadow"
        elif effect.get("en", 1) and str(effect.get("ty")) not in _DRAWN_EFFECTS:
            yield "layer.effect"
    for mask in objects(layer.get("masksProperties")):
        if mask.get("mode") not in ("a", "s", "n", None):
            yield "mask.mode"
        feather = mask.get("f")
        if isinstance(feather, dict) and feather.get("k") not in (None, 0, [0, 0]):
            yield "mask.feather"


def _of_value(value: Document, *, old: bool) -> Iterator[str]:
    kind = value.get("ty")
    if kind == "rp" and old:
        yield "repeater.old"
    if kind == "mm":
        yield "shape.merge"


def _fonts(document: Document, library: Library) -> Iterator[Warning]:
    """Fonts that are neither files at hand nor wholly inside the document."""
    drawn = {(str(char.get("fFamily")), str(char.get("style"))) for char in objects(document.get("chars"))}
    declared = wanted_fonts(document)
    used = dict.fromkeys(
        str(text.get("f") or "") for layer in all_layers(document) if layer.get("ty") == 5 for text in text_documents(layer)
    )
    for name in used:
        wanted = declared.get(name) or Wanted(name)
        if not library.chain(wanted).found:
            held = (wanted.family, wanted.style) in drawn
            what = "letters that the animation does not hold" if held else "its texts"
            yield Warning(code="font.missing", detail=f"The font {name!r} is not there, so {what} are drawn in FiraGO; add its file.")
