"""Turns a template's document and a person's values into the document that the engine draws."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from contracts.spec import Warning
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import guard, pictures
from node_worker.engines.lottie.bundle import Animation, Bundle
from node_worker.engines.lottie.colours import parse_colour, set_colour
from node_worker.engines.lottie.elements import Found, find, slots_of, text_documents, walk
from node_worker.engines.lottie.fonts import Library
from node_worker.engines.lottie.text import FIELD, shape_texts
from node_worker.engines.lottie.upgrade import all_layers, upgrade

Document = dict[str, Any]
_IMAGE = 2  # a layer's type
_MAX_TEXT = 5000  # characters
_MAX_PICTURES = 100_000_000  # pixels of all pictures of a scene together


class Values(msgspec.Struct, frozen=True):
    """What a person changes in a scene, by element key."""

    texts: dict[str, str] = {}
    pictures: dict[str, Path] = {}
    colours: dict[str, str] = {}


class Prepared(msgspec.Struct, frozen=True):
    """A document ready for the engine, and its measures."""

    document: bytes
    size: tuple[float, float]
    rate: float
    warnings: tuple[Warning, ...]


def load(raw: bytes) -> Document:
    """Parse, check and upgrade a document. Raises TemplateRefused."""
    document = guard.parse(raw)
    guard.check(document)
    upgrade(document)
    return document


def prepare(raw: bytes, animation: Animation, bundle: Bundle, values: Values, library: Library, *, plain: bool = False) -> Prepared:
    """Apply values to a document. `plain` takes every expression out. Raises TemplateRefused naming the value's key."""
    document = load(raw)
    found = find(document)
    _check_keys(found, values)
    _apply_colours(found, values.colours)
    _apply_texts(found, values.texts)
    warnings = _apply_pictures(document, found, values.pictures, animation, bundle)
    _inline_slots(document)
    if plain:
        strip_expressions(document)
        warnings.append(Warning(code="expressions.stripped", detail="Expressions were left out, because the engine crashed with them."))
    warnings += shape_texts(document, library)
    guard.check(document)  # the slots' values came in after the first check
    size = float(document["w"]), float(document["h"])
    return Prepared(msgspec.json.encode(document), size, float(document["fr"]), tuple(warnings))


def strip_expressions(document: Document) -> None:
    """Take out every expression; the properties keep their own values."""
    for value, _, _ in walk(document):
        if isinstance(value.get("x"), str):
            del value["x"]


def _check_keys(found: list[Found], values: Values) -> None:
    known: dict[str, list[str]] = {"text": [], "image": [], "colour": []}
    for item in found:
        known[item.element.kind].append(item.element.key)
    for kind, given in (("text", values.texts), ("image", values.pictures), ("colour", values.colours)):
        for key in given:
            if key not in known[kind]:
                listed = ", ".join(known[kind][:50]) or "none"
                raise TemplateRefused("value.unknown_element", f"The scene has no {kind} {key!r}; it has: {listed}.", key)


def _apply_colours(found: list[Found], values: Mapping[str, str]) -> None:
    for item in found:
        if item.element.kind == "colour" and item.element.key in values:
            colour = parse_colour(values[item.element.key], item.element.key)
            for target in item.targets:
                set_colour(target, colour)


def _apply_texts(found: list[Found], values: Mapping[str, str]) -> None:
    for item in found:
        key = item.element.key
        if item.element.kind != "text" or key not in values:
            continue
        if len(values[key]) > _MAX_TEXT:
            raise TemplateRefused("value.too_long", f"The text has {len(values[key])} characters; the limit is {_MAX_TEXT}.", key)
        if any("\ud800" <= char <= "\udfff" for char in values[key]):
            raise TemplateRefused("value.not_text", "The text holds half a character (a lone surrogate).", key)
        for target in item.targets:
            for text in text_documents(target):
                text["t"], text[FIELD] = values[key], key


def _inline_slots(document: Document) -> None:
    """Put each slot's value into its places; the places keep nothing of their own."""
    slots = slots_of(document)
    if sum(len(msgspec.json.encode(slot.value)) * len(slot.places) for slot in slots.values()) > guard.MAX_DOCUMENT:
        raise TemplateRefused("lottie.too_complex", "The slots' values are too large for the number of places that use them.")
    for slot in slots.values():
        for place in slot.places:
            place.update(copy.deepcopy(slot.value))
            place.pop("sid", None)
    document.pop("slots", None)


def _apply_pictures(
    document: Document, found: list[Found], values: Mapping[str, Path], animation: Animation, bundle: Bundle
) -> list[Warning]:
    sizes = {str(asset.get("id")): asset for asset in document["assets"]}
    for item in found:
        key, element = item.element.key, item.element
        if element.kind != "image" or key not in values:
            continue
        uri = pictures.data_uri(values[key], _place(element.width, element.height), key)
        for target in item.targets:
            if target.get("ty") == _IMAGE:  # a layer: others may show the same asset, so it gets one of its own
                asset = {**sizes.get(str(target.get("refId")), {}), "id": f"flatrender:{key}", "p": uri, "u": "", "e": 1}
                target["refId"] = asset["id"]
                document["assets"].append(asset)
            else:
                target.update(p=uri, u="", e=1)
    return _embed_pictures(document, animation, bundle)


def used_pictures(document: Document) -> set[str]:
    """The ids of the assets that image layers show."""
    return {str(layer.get("refId")) for layer in all_layers(document) if layer.get("ty") == _IMAGE}


def picture_assets(document: Document) -> Iterator[Document]:
    """The assets, and slots' values, that are pictures."""
    for asset in document["assets"]:
        if "layers" not in asset and isinstance(asset.get("p"), str) and _is_picture(asset):
            yield asset
    for slot in slots_of(document).values():
        if slot.kind == "image" and isinstance(slot.value.get("p"), str):
            yield slot.value


def picture_source(asset: Document, animation: Animation, bundle: Bundle, field: str) -> Path | bytes | None:
    """Where an asset's picture is: its bytes inside the document, or its file; None if it is not there."""
    name = asset["p"]
    if name.startswith("data:"):
        return pictures.decode_data_uri(name, field)
    folder = asset.get("u")
    return bundle.asset(animation, folder if isinstance(folder, str) else "", name) if name else None


def _embed_pictures(document: Document, animation: Animation, bundle: Bundle) -> list[Warning]:
    warnings: list[Warning] = []
    used = used_pictures(document)
    total = 0.0
    for asset in picture_assets(document):
        name = str(asset.get("id", ""))
        if name.startswith("flatrender:"):
            continue
        place = _place(guard.number(asset.get("w")), guard.number(asset.get("h")))
        total += place[0] * place[1] if place else 0
        if total > _MAX_PICTURES:
            raise TemplateRefused(
                "picture.too_large", f"The scene's pictures have more than {_MAX_PICTURES // 1_000_000} megapixels together."
            )
        uri, problem = pictures.BLANK, ""
        if name in used or "id" not in asset:
            uri, problem = _own_picture(asset, place, animation, bundle)
        if problem:
            warnings.append(Warning(code="picture.missing", detail=problem, element=name))
        asset.update(p=uri, u="", e=1)
    return warnings


def _place(width: float, height: float) -> tuple[int, int] | None:
    """The pixels that a picture fills; None if the document states no possible size."""
    possible = 1 <= width <= pictures.MAX_SIDE and 1 <= height <= pictures.MAX_SIDE and width * height <= pictures.MAX_PIXELS
    return (round(width), round(height)) if possible else None


def _own_picture(asset: Document, place: tuple[int, int] | None, animation: Animation, bundle: Bundle) -> tuple[str, str]:
    shown = "inside the document" if asset["p"].startswith("data:") else repr(asset["p"][:80])
    try:
        source = picture_source(asset, animation, bundle, "")
        if source is None:
            return pictures.BLANK, f"The picture {shown} is not in the template, so nothing is drawn in its place."
        return pictures.data_uri(source, place, ""), ""
    except TemplateRefused as error:
        return pictures.BLANK, f"The picture {shown} is not drawn: {error.detail}"


def _is_picture(asset: Document) -> bool:
    """Sounds are assets too; pictures have a size, or an ending that says so."""
    name = asset["p"].lower()
    return name.startswith("data:image") or (not name.startswith("data:") and not name.endswith((".mp3", ".wav", ".m4a", ".aac", ".ogg")))
