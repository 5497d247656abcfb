"""Finds what a person may change in a document, and the places where each value goes."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from contracts.spec import Element, ElementKind
from node_worker.engines.lottie.colours import colour_of
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import IMAGE, SHAPE, SOLID, TEXT

Document = dict[str, Any]
_PREFIXES = ("frl_", "frd_", "frshare", "frfinal")
_COLOUR_CONTROL = 2  # an effect's value of this type is a colour


class Found(msgspec.Struct):
    """An element and its places: text layers, image layers or assets, or colour properties."""

    element: Element
    targets: list[Document]


class Slot(msgspec.Struct):
    """A slot of the document: what it holds, and of what kind the places are that use it."""

    value: Document
    kind: ElementKind | None = None
    width: int = 0
    height: int = 0
    places: list[Document] = []


def find(document: Document) -> list[Found]:
    """List the document's elements in a fixed order, with unique keys; slots must not be inlined yet."""
    select_final(document)
    found = [*_slot_elements(slots_of(document))]
    conventional = _uses_conventions(document)
    sizes = {str(asset.get("id")): asset for asset in document["assets"]}
    shared = {id(asset) for asset in document["assets"] if _is(asset, "frshare")}
    for owner in (document, *document["assets"]):
        for layer in owner.get("layers") or ():
            element = _layer_element(layer, sizes, conventional, id(owner) in shared)
            if element is not None:
                found.append(element)
    _make_unique(found)
    return found


def select_final(document: Document) -> None:
    """Let the scene be the composition named frfinal, where there is one beside the root."""
    for asset in document["assets"]:
        if _is(asset, "frfinal") and isinstance(asset.get("layers"), list) and not _is(document, "frfinal"):
            document["layers"] = asset["layers"]
            for side in ("w", "h"):
                if 1 <= number(asset.get(side)) <= 8192:
                    document[side] = asset[side]
            document["nm"] = "frfinal"
            document["assets"] = [other for other in document["assets"] if other is not asset]
            return


def slots_of(document: Document) -> dict[str, Slot]:
    """The document's slots by id, each with the places that name it."""
    declared = document.get("slots")
    slots = {
        key: Slot(value["p"])
        for key, value in (declared.items() if isinstance(declared, dict) else ())
        if isinstance(value, dict) and isinstance(value.get("p"), dict)
    }
    if slots:
        for place, kind in _places(document):
            slot = slots.get(place["sid"]) if isinstance(place["sid"], str) else None
            if slot is not None:
                slot.places.append(place)
                slot.kind = slot.kind or kind
                if kind == "image":
                    slot.width, slot.height = _side(place.get("w")), _side(place.get("h"))
    return slots


def text_documents(layer: Document) -> list[Document]:
    """A text layer's text documents, one for each keyframe."""
    text = layer.get("t")
    source = text.get("d") if isinstance(text, dict) else None
    keys = source.get("k") if isinstance(source, dict) else None
    if not isinstance(keys, list):
        return []
    return [key["s"] for key in keys if isinstance(key, dict) and isinstance(key.get("s"), dict) and isinstance(key["s"].get("t"), str)]


def walk(node: object) -> Iterator[tuple[Document, Document | None, str]]:
    """Every object below `node` with the object that holds it and its key there, in document order."""
    stack: list[tuple[object, Document | None, str]] = [(node, None, "")]
    while stack:
        value, owner, key = stack.pop()
        if isinstance(value, dict):
            yield value, owner, key
            stack.extend((child, value, name) for name, child in reversed(value.items()) if _holds_objects(name, child))
        elif isinstance(value, list):
            stack.extend((child, owner, key) for child in reversed(value) if isinstance(child, (dict, list)))


def _holds_objects(name: str, child: object) -> bool:
    """Points of paths and plain vectors make up most of a document, and hold no objects."""
    if isinstance(child, list):
        return name not in ("i", "o", "v") and bool(child) and not isinstance(child[0], (int, float))
    return isinstance(child, dict)


def _places(document: Document) -> Iterator[tuple[Document, ElementKind | None]]:
    for value, owner, key in walk({name: part for name, part in document.items() if name != "slots"}):
        if "sid" in value:
            kind: ElementKind | None = None
            if key == "assets":
                kind = "image"
            elif key == "d" and owner is not None and ("a" in owner or "m" in owner):
                kind = "text"
            elif _holds_colour(key, owner):
                kind = "colour"
            yield value, kind


def _holds_colour(key: str, owner: Document | None) -> bool:
    """Fills and strokes, text animators' fill and stroke, and the colour controls of effects."""
    kind = owner.get("ty") if owner else None
    return (key == "c" and kind in ("fl", "st")) or key in ("fc", "sc") or (key == "v" and kind == _COLOUR_CONTROL)


def _slot_elements(slots: dict[str, Slot]) -> Iterator[Found]:
    for key, slot in slots.items():
        element = Element(key=key, kind=slot.kind or "text", title=_title(key), shared=True)
        if slot.kind == "colour":
            yield Found(msgspec.structs.replace(element, default=colour_of(slot.value)), [slot.value])
        elif slot.kind == "text":
            layer: Document = {"ty": 5, "t": {"d": slot.value}}
            texts = text_documents(layer)
            if texts:
                width, height = _box(texts[0])
                yield Found(msgspec.structs.replace(element, default=plain_text(texts[0]["t"]), width=width, height=height), [layer])
        elif slot.kind == "image":
            default = picture_name(slot.value)
            yield Found(msgspec.structs.replace(element, default=default, width=slot.width, height=slot.height), [slot.value])


def _layer_element(layer: Document, assets: dict[str, Document], conventional: bool, shared: bool) -> Found | None:
    name = layer.get("nm")
    if not isinstance(name, str) or not name.strip():
        return None
    lower = name.strip().lower()
    if conventional and not shared and not lower.startswith(("frl_", "frd_")):
        return None
    element = Element(key=_key(name), kind="text", title=_title(name), shared=shared)
    texts = text_documents(layer) if layer.get("ty") == TEXT and not _has_slot(layer) else []
    if texts:
        width, height = _box(texts[0])
        return Found(msgspec.structs.replace(element, default=plain_text(texts[0]["t"]), width=width, height=height), [layer])
    asset = assets.get(str(layer.get("refId")))
    if layer.get("ty") == IMAGE and asset is not None and "layers" not in asset and "sid" not in asset:
        sides = {"width": _side(asset.get("w")), "height": _side(asset.get("h"))}
        return Found(msgspec.structs.replace(element, kind="image", default=picture_name(asset), **sides), [layer])
    if lower.startswith("frd_") or (shared and layer.get("ty") in (SOLID, SHAPE)):
        return _colour_element(layer, element)
    return None


def _colour_element(layer: Document, element: Element) -> Found | None:
    """A design control: the colour control of its effects, or its shapes' fills."""
    controls = [prop for prop in _effect_colours(layer) if colour_of(prop)]
    fills = [
        value["c"]
        for value, _, _ in walk(layer.get("shapes") or [])
        if value.get("ty") in ("fl", "st") and isinstance(value.get("c"), dict) and colour_of(value["c"]) and "sid" not in value["c"]
    ]
    targets = [*controls, *(fills if not controls or layer.get("ty") == SHAPE else [])]
    if not targets:
        return None
    return Found(msgspec.structs.replace(element, kind="colour", default=colour_of(targets[0])), targets)


def _effect_colours(layer: Document) -> Iterator[Document]:
    for effect in objects(layer.get("ef")):
        for value in objects(effect.get("ef")):
            if value.get("ty") == _COLOUR_CONTROL and isinstance(value.get("v"), dict) and "sid" not in value["v"]:
                yield value["v"]


def _make_unique(found: list[Found]) -> None:
    taken: set[str] = set()
    for item in found:
        key, count = item.element.key, 1
        while key in taken:
            count += 1
            key = f"{item.element.key}-{count}"
        taken.add(key)
        item.element = msgspec.structs.replace(item.element, key=key)


def _uses_conventions(document: Document) -> bool:
    if any(_is(owner, prefix) for owner in (document, *document["assets"]) for prefix in ("frshare", "frfinal")):
        return True
    layers = (layer for owner in (document, *document["assets"]) for layer in owner.get("layers") or ())
    return any(str(layer.get("nm", "")).strip().lower().startswith(("frl_", "frd_")) for layer in layers)


def _is(owner: Document, name: str) -> bool:
    return any(str(owner.get(field, "")).strip().lower() == name for field in ("nm", "id"))


def _has_slot(layer: Document) -> bool:
    text = layer.get("t")
    return isinstance(text, dict) and isinstance(text.get("d"), dict) and "sid" in text["d"]


def _key(name: str) -> str:
    return re.sub(r"[\s.*>/\\]+", "_", name.strip())[:80]


def _title(name: str) -> str:
    name = name.strip()
    lower = name.lower()
    for prefix in _PREFIXES:
        if lower.startswith(prefix):
            name = name[len(prefix) :]
            break
    return re.sub(r"[_\s]+", " ", name).strip()[:120] or lower


def _box(text: Document) -> tuple[int, int]:
    size = text.get("sz")
    return (_side(size[0]), _side(size[1])) if isinstance(size, list) and len(size) >= 2 else (0, 0)


def _side(value: object) -> int:
    side = number(value)
    return round(side) if 0 < side < 100_000 else 0


def plain_text(text: str) -> str:
    """A document's text with ordinary line ends."""
    return re.sub("\r\n|[\r\x03\u2028\u2029]", "\n", text)


def picture_name(asset: Document) -> str:
    """Where an asset's picture lies in the bundle; "" if it is inside the document."""
    name = asset.get("p")
    if not isinstance(name, str) or name.startswith("data:"):
        return ""
    folder = asset.get("u")
    return (folder if isinstance(folder, str) else "") + name
