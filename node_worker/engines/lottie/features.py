"""Finds in a document what the engine does not draw as its designer saw it, a warning for each feature."""

from collections.abc import Iterator
from typing import Any

from contracts.spec import Warning
from node_worker.engines.lottie.elements import text_documents
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.outline import outline
from node_worker.engines.lottie.rewrites.parts import shape_lists
from node_worker.engines.lottie.schema import AUDIO, CAMERA, IMAGE, PRECOMP, SHAPES, TEXT
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layers import wanted_fonts
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_TINTS = (20, 23)  # tint, tritone
_DRAWN_EFFECTS = frozenset(
    ("0", "1", "2", "3", "4", "5", "7", "10", "11", "21", "22", "25", "28", "29")
)  # controls, fill, stroke, drop shadow, Set Matte, blur
_DRAWN_OTHERWISE = frozenset(("mm", "no"))  # shapes that the engine does not know, but rewrites do or nobody misses

_DETAILS = {
    "layer.three_d": "A layer is in 3D; it is drawn flat, without perspective. Make it two-dimensional before the export where that shows.",
    "layer.camera": "The composition has a camera, which is not drawn; move the layers instead.",
    "layer.effect": "A layer uses an effect that is not drawn; take it off, or render the layer to a picture before the export.",
    "shape.offset": "Curved and open paths may be offset otherwise; compare the preview, or turn the offset into a path.",
    "shape.twist": "A twist is not drawn; turn it into a path before the export.",
    "shape.unknown": "A shape of an unknown kind is not drawn; turn it into a path before the export.",
    "effect.tint": "The colours of a tint or tritone may be somewhat lighter or darker than in other players.",
    "layer.audio": "The animation holds sounds; add them to the video as audio tracks instead.",
    "asset.missing": "A layer shows a composition or picture that the document does not hold; nothing is drawn for it.",
}


def warnings(document: Document, library: Library) -> list[Warning]:
    """One warning for each feature and layer that may look different; at most one per code and element."""
    seen: dict[tuple[str, str], Warning] = {}
    for code, element in _all(document):
        seen.setdefault((code, element), Warning(code=code, detail=_DETAILS[code], element=element))
    result = list(seen.values())[:200]
    return [*result, *_fonts(document, library)]


def _all(document: Document) -> Iterator[tuple[str, str]]:
    assets = {str(asset.get("id")) for asset in document["assets"]}
    for layer in all_layers(document):
        name = str(layer.get("nm", ""))[:80]
        if layer.get("ty") in (PRECOMP, IMAGE) and str(layer.get("refId")) not in assets:
            yield "asset.missing", name
        for code in _of_layer(layer):
            yield code, name
        for items in shape_lists(layer.get("shapes")):
            for code in _of_shapes(items):
                yield code, name


def _of_layer(layer: Document) -> Iterator[str]:
    kind = layer.get("ty")
    if layer.get("ddd") == 1 and kind != CAMERA:
        yield "layer.three_d"
    if kind == CAMERA:
        yield "layer.camera"
    if kind == AUDIO:
        yield "layer.audio"
    for effect in objects(layer.get("ef")):
        if effect.get("ty") in _TINTS:
            yield "effect.tint"
        elif effect.get("en", 1) and str(effect.get("ty")) not in _DRAWN_EFFECTS:
            yield "layer.effect"


def _holds_curve(items: list[Any]) -> bool:
    """Whether an outline is curved or open."""
    paths = (outline(item, 0.0) for found in shape_lists(items) for item in objects(found))
    return any(not path["c"] or any(any(handle) for side in ("i", "o") for handle in path[side]) for path in paths if path)


def _of_shapes(items: list[Any]) -> Iterator[str]:
    for item in objects(items):
        kind = item.get("ty")
        if kind == "tw":
            yield "shape.twist"
        elif kind == "op" and not item.get("hd") and _holds_curve(items):
            yield "shape.offset"
        elif isinstance(kind, str) and kind not in SHAPES and kind not in _DRAWN_OTHERWISE:
            yield "shape.unknown"


def _fonts(document: Document, library: Library) -> Iterator[Warning]:
    """Fonts of which the document holds some letters alone. One that is not there at all is told where its texts are laid out."""
    drawn = {(str(char.get("fFamily")), str(char.get("style"))) for char in objects(document.get("chars"))}
    declared = wanted_fonts(document)
    used = dict.fromkeys(
        str(text.get("f") or "") for layer in all_layers(document) if layer.get("ty") == TEXT for text in text_documents(layer)
    )
    for name in used:
        wanted = declared.get(name) or Wanted(name)
        if (wanted.family, wanted.style) in drawn and not library.chain(wanted).found:
            detail = f"The template holds only its own texts' letters of the font {name!r}; others are drawn in FiraGO. Add its file."
            yield Warning(code="font.letters", detail=detail)
