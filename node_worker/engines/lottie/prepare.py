"""Turns a template's document and a person's values into the document that the engine draws."""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from contracts.spec import Direction, Fit, Warning
from node_worker.engines.base import TemplateRefused, nothing
from node_worker.engines.lottie import guard, pictures
from node_worker.engines.lottie.bundle import Animation, Bundle
from node_worker.engines.lottie.colours import parse_colour, set_colour
from node_worker.engines.lottie.elements import Found, find, slots_of, text_documents
from node_worker.engines.lottie.embed import IMAGE, embed_pictures, place_of
from node_worker.engines.lottie.expressions.bake import WHOLE, Moments, bake
from node_worker.engines.lottie.expressions.survey import may_hold_expressions
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites import rewrite
from node_worker.engines.lottie.structure import settle
from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import FIELD, MEANT, READING, shape_texts
from node_worker.engines.lottie.text.measure import measure_of
from node_worker.engines.lottie.upgrade import all_layers, upgrade
from node_worker.inspect.documents import MAX_DOCUMENT

Document = dict[str, Any]
_MAX_TEXT = 5000  # characters
_READS_TEXT = re.compile(r"(?<![.\w$])(?:value|thisProperty|text|thisLayer|sourceText|style|valueAtTime|eval)\b")


class Values(msgspec.Struct, frozen=True):
    """What a person changes in a scene, by element key."""

    texts: dict[str, str] = {}
    pictures: dict[str, Path] = {}
    colours: dict[str, str] = {}
    fits: dict[str, Fit] = {}
    directions: dict[str, Direction] = {}


class Prepared(msgspec.Struct, frozen=True):
    """A document ready for the engine, and its measures."""

    document: bytes
    size: tuple[float, float]
    rate: float
    warnings: tuple[Warning, ...]
    computed: bool  # whether expressions were evaluated, for the moments that were given


def load(raw: bytes) -> Document:
    """Parse, check and upgrade a document. Raises TemplateRefused."""
    document = guard.parse(raw)
    guard.check(document)
    upgrade(document)
    return document


def prepare(
    raw: bytes,
    animation: Animation,
    bundle: Bundle,
    values: Values,
    library: Library,
    moments: Moments = WHOLE,
    alive: Callable[[], None] = nothing,
) -> Prepared:
    """Apply values to a document, and evaluate its expressions at `moments`. Raises TemplateRefused naming the value's key."""
    document = load(raw)
    found = find(document)
    _check_keys(found, values)
    _apply_colours(found, values.colours)
    _apply_texts(found, values)
    _apply_pictures(document, found, values.pictures)
    inline_slots(document)
    # Last, because slots may bring in paths too: after this no asset names a file that the engine would open by itself.
    report = Report()
    report.add(embed_pictures(document, found, animation, bundle))
    computed = False
    if may_hold_expressions(raw):
        _prefer_given(document)
        computed = bake(document, report, moments, measure_of(document, library), alive)
    rewrite(document, report)
    report.add(shape_texts(document, library))
    settle(document, shaped=True)
    size = float(document["w"]), float(document["h"])
    return Prepared(msgspec.json.encode(document), size, float(document["fr"]), report.warnings, computed)


def _check_keys(found: list[Found], values: Values) -> None:
    known: dict[str, list[str]] = {"text": [], "image": [], "colour": []}
    for item in found:
        known[item.element.kind].append(item.element.key)
    for kind, given in (("text", {**values.texts, **values.directions}), ("image", values.pictures), ("colour", values.colours)):
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


def _apply_texts(found: list[Found], values: Values) -> None:
    for item in found:
        key = item.element.key
        if item.element.kind != "text" or not (key in values.texts or key in values.directions):
            continue
        given = values.texts.get(key)
        if given is not None:
            _check_text(given, key)
        reading = values.directions.get(key, "auto")
        for text in (text for target in item.targets for text in text_documents(target)):
            if given is not None:
                text[MEANT], text["t"], text[FIELD] = text["t"], given, key
            if reading != "auto":
                text[READING] = reading


def _prefer_given(document: Document) -> None:
    """Let a person's text stand where the layer's expression would write another one without reading it."""
    for layer in all_layers(document):
        source = layer["t"].get("d") if isinstance(layer.get("t"), dict) else None
        if not isinstance(source, dict) or not isinstance(source.get("x"), str) or _READS_TEXT.search(source["x"]):
            continue
        if any(FIELD in text for text in text_documents(layer)):
            del source["x"]


def _check_text(text: str, key: str) -> None:
    if len(text) > _MAX_TEXT:
        raise TemplateRefused("value.too_long", f"The text has {len(text)} characters; the limit is {_MAX_TEXT}.", key)
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise TemplateRefused("value.not_text", "The text holds half a character (a lone surrogate).", key)


def inline_slots(document: Document) -> None:
    """Put each slot's value into its places; the places keep nothing of their own."""
    slots = slots_of(document)
    if sum(len(msgspec.json.encode(slot.value)) * len(slot.places) for slot in slots.values()) > MAX_DOCUMENT:
        raise TemplateRefused("lottie.too_complex", "The slots' values are too large for the number of places that use them.")
    for slot in slots.values():
        for place in slot.places:
            place.update(copy.deepcopy(slot.value))
            place.pop("sid", None)
    document.pop("slots", None)


def _apply_pictures(document: Document, found: list[Found], values: Mapping[str, Path]) -> None:
    assets = {str(asset.get("id")): asset for asset in document["assets"]}
    for item in found:
        key, element = item.element.key, item.element
        if element.kind != "image" or key not in values:
            continue
        uri = pictures.data_uri(values[key], place_of(element.width, element.height), key)
        for target in item.targets:
            if target.get("ty") == IMAGE:  # a layer: others may show the same asset, so it gets one of its own
                asset = {**assets.get(str(target.get("refId")), {}), "id": f"flatrender:{key}", "p": uri, "u": "", "e": 1}
                target["refId"] = asset["id"]
                document["assets"].append(asset)
            else:
                target.update(p=uri, u="", e=1)
