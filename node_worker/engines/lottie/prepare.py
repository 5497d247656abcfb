"""Turns a template's document and a person's values into the document that the engine draws."""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from contracts.spec import Direction, Fit, Warning
from node_worker.engines.base import TemplateRefused, nothing
from node_worker.engines.lottie import guard
from node_worker.engines.lottie.bundle import Animation, Bundle
from node_worker.engines.lottie.colours import parse_colour, set_colour
from node_worker.engines.lottie.elements import Found, find, slots_of, text_documents
from node_worker.engines.lottie.embed import Given, embed_pictures
from node_worker.engines.lottie.expressions.bake import WHOLE, Moments, bake
from node_worker.engines.lottie.expressions.survey import may_hold_expressions
from node_worker.engines.lottie.mixing import Stage, coverage, stages
from node_worker.engines.lottie.playback import Span
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites import rewrite
from node_worker.engines.lottie.rewrites.blending import blends
from node_worker.engines.lottie.schema import IMAGE
from node_worker.engines.lottie.structure import settle
from node_worker.engines.lottie.text.along import keep_paths
from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import FIELD, MEANT, READING, measurer, shape_texts
from node_worker.engines.lottie.text.selectors import spell_out
from node_worker.engines.lottie.themes import apply_theme, lay_ground
from node_worker.engines.lottie.upgrade import all_layers, upgrade
from node_worker.inspect.documents import MAX_DOCUMENT
from node_worker.pictures.fit import Lie

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
    """A document ready for the engine, whole or in parts, and its measures."""

    stages: tuple[Stage, ...]  # what is drawn one after the other
    size: tuple[float, float]
    span: Span
    warnings: tuple[Warning, ...]
    computed: bool  # whether something of it was evaluated for the moments that were given, and is of no use at others
    blends: bool = False  # whether a layer's colours mix with those below it, so that the background may not be there yet
    coverage: bytes = b""  # the document that tells how opaque its pixels are, where the engine does not

    @property
    def bytes(self) -> int:
        """How large the document is, in all its parts."""
        return len(self.coverage) + sum(len(stage.document) for stage in self.stages)


def load(raw: bytes) -> Document:
    """Parse, check and upgrade a document. Raises TemplateRefused."""
    document = guard.parse(raw)
    guard.check(document)
    upgrade(document)
    return document


def begin(document: Document, animation: Animation) -> None:
    """Bring a document to where its manifest has it begin: with its theme, upon its ground."""
    if animation.theme is not None:
        apply_theme(document, animation.theme, animation.key)
    lay_ground(document, animation.ground)


def prepare(
    raw: bytes,
    animation: Animation,
    bundle: Bundle,
    values: Values,
    library: Library,
    moments: Moments = WHOLE,
    alive: Callable[[], None] = nothing,
    *,
    size: tuple[int, int] | None = None,
) -> Prepared:
    """Apply values to a document, and evaluate its expressions at `moments`, to be drawn in `size` (width, height) or in its own.

    Raises TemplateRefused naming the value's key.
    """
    document = load(raw)
    begin(document, animation)
    found = find(document)
    _check_keys(found, values)
    _apply_colours(found, values.colours)
    _apply_texts(found, values)
    given = _apply_pictures(document, found, values)
    inline_slots(document)
    # Last, because slots may bring in paths too: after this no asset names a file that the engine would open by itself.
    report = Report()
    scale = min(size[0] / document["w"], size[1] / document["h"]) if size else 1.0
    report.add(embed_pictures(document, found, animation, bundle, given, scale))
    played = msgspec.structs.replace(moments, playback=animation.playback)
    computed = complete(document, raw, library, report, played, alive, themed=animation.theme is not None)
    own, parts = (float(document["w"]), float(document["h"])), stages(document)
    mixes = len(parts) > 1 or blends(parts[0].document)
    covered = coverage(document) if mixes else b""
    return Prepared(parts, own, animation.playback.within(document), report.warnings, computed, mixes, covered)


def complete(
    document: Document,
    raw: bytes,
    library: Library,
    report: Report,
    moments: Moments = WHOLE,
    alive: Callable[[], None] = nothing,
    *,
    themed: bool = False,
) -> bool:
    """Bring a document that holds its values into the form that the engine draws; whether expressions were evaluated.

    `raw` is what it was read from, and `themed` tells that a theme, which may hold expressions too, was put into it.

    An upload goes this way too, with the template's own values, so that what is told of it is what will be drawn. Raises
    TemplateRefused.
    """
    computed = False
    if themed or may_hold_expressions(raw):
        _prefer_given(document)
        spell_out(document)
        computed = bake(document, report, moments, measurer(document, library), alive)
    keep_paths(document)
    rewrite(document, report)
    report.add(shape_texts(document, library))
    settle(document, shaped=True)
    return computed


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
            named = {"id": place["id"]} if "id" in place else {}  # layers know a picture by its own name, whatever the slot's is called
            place.update(copy.deepcopy(slot.value) | named)
            place.pop("sid", None)
    document.pop("slots", None)


def _apply_pictures(document: Document, found: list[Found], values: Values) -> dict[str, Given]:
    """Put an address in each place of a person's picture, and answer what stands behind it: it is decoded when slots are filled."""
    assets = {str(asset.get("id")): asset for asset in document["assets"]}
    given = {}
    for item in found:
        key = item.element.key
        if item.element.kind != "image" or key not in values.pictures:
            continue
        address = f"flatrender:{key}:"
        given[address] = Given(values.pictures[key], Lie(values.fits.get(key, "contain")), key)
        for target in item.targets:
            if target.get("ty") == IMAGE:  # a layer: others may show the same asset, so it gets one of its own
                asset = {**assets.get(str(target.get("refId")), {}), "id": f"flatrender:{key}", "p": address, "u": "", "e": 1}
                target["refId"] = asset["id"]
                document["assets"].append(asset)
            else:
                target.update(p=address, u="", e=1)
    return given
