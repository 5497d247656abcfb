"""Finds the expressions of a document, which of them are seen and when, and in which order compositions show each other."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from node_worker.engines.lottie.expressions.names import name_of
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import AUDIO, CAMERA, NULL, PRECOMP
from node_worker.inspect.documents import utf8

Document = dict[str, Any]
Path = tuple[str | int, ...]

_EVER = 1e12  # frames
_CONTROLS = 5  # an effect's type: values that only expressions read
_COLOUR = 2  # the type of an effect's value
_FINE = frozenset(("c", "fc", "sc", "tm"))  # colours, and seconds
_EXPRESSION = re.compile(rb'"(?:x|\\u0078)"\s*:\s*"')
_NO_OBJECTS = frozenset(("i", "o", "v", "ti", "to"))


class Place(msgspec.Struct, frozen=True):
    """A property with an expression: where it is, what it is called, and from which frame to which it is seen."""

    comp: int
    layer: int
    path: Path
    name: str
    prop: Document
    first: float = -_EVER
    last: float = _EVER
    seen: bool = True
    fine: bool = False  # whether it goes from 0 to 1 or counts seconds, so that small steps matter


class Use(msgspec.Struct, frozen=True):
    """A layer that shows a composition, between two frames of its own."""

    layer: int
    comp: int
    first: float
    last: float


class Survey(msgspec.Struct):
    """A document's compositions, the root first; the properties with expressions; and the order in which to evaluate."""

    comps: list[Document]
    places: list[Place]
    order: list[int]
    uses: dict[int, list[Use]]


def may_hold_expressions(raw: bytes) -> bool:
    """Whether a document's bytes may hold an expression, without parsing them. Raises TemplateRefused."""
    return _EXPRESSION.search(utf8(raw)) is not None


def survey(document: Document) -> Survey:
    """Look through a document."""
    comps = [document, *(asset for asset in objects(document.get("assets")) if isinstance(asset.get("layers"), list))]
    named: dict[str, int] = {}
    for index, comp in enumerate(comps[1:], 1):
        named.setdefault(str(comp.get("id")), index)
    uses = {index: list(_uses(comp, named)) for index, comp in enumerate(comps)}
    order = _order(uses)
    reached = set(order)
    places = []
    for index, comp in enumerate(comps):
        layers = layers_of(comp)
        held, masking = _parents(layers), _mattes(layers)
        for at, layer in enumerate(layers):
            for path, prop, holder in _expressions(layer):
                first, last = ip_op(layer) if at not in held and at not in masking else (-_EVER, _EVER)
                seen = index in reached and _is_seen(layer, path, parent=at in held, matte=at in masking)
                places.append(Place(index, at, path, name_of(path, holder), prop, first, last, seen, _is_fine(path, holder)))
    return Survey(comps, places, _needed(order, uses, {place.comp for place in places if place.seen}), uses)


def layers_of(comp: Document) -> list[Document]:
    """A composition's layers."""
    return list(objects(comp.get("layers")))


def ip_op(layer: Document) -> tuple[float, float]:
    """From which frame to which a layer is there."""
    first, last = number(layer.get("ip")), number(layer.get("op"))
    return (first if first == first else -_EVER, last if last == last else _EVER)


def _expressions(layer: Document) -> Iterator[tuple[Path, Document, Document]]:
    """Every property of a layer that has an expression, with its path and the object that holds it."""
    stack: list[tuple[Any, Path, Document]] = [(layer, (), layer)]
    while stack:
        value, path, holder = stack.pop()
        if isinstance(value, dict):
            if path and isinstance(value.get("x"), str) and "k" in value:
                yield path, value, holder
            easing = isinstance(value.get("i"), dict)  # a keyframe's, whose `o` is no property
            stack.extend((child, (*path, key), value) for key, child in reversed(value.items()) if _holds_more(key, child, easing=easing))
        else:
            stack.extend((child, (*path, n), holder) for n, child in reversed(list(enumerate(value))) if isinstance(child, (dict, list)))


def _holds_more(key: str, child: object, *, easing: bool) -> bool:
    if isinstance(child, list):
        return key not in _NO_OBJECTS and bool(child) and isinstance(child[0], (dict, list))
    return isinstance(child, dict) and not (easing and key in ("i", "o"))


def _is_seen(layer: Document, path: Path, *, parent: bool, matte: bool) -> bool:
    """Whether a property changes a picture: not on hidden layers, nor what only other expressions read."""
    if path[0] == "ef":
        effect = layer["ef"][path[1]] if isinstance(layer.get("ef"), list) and isinstance(path[1], int) else None
        if not isinstance(effect, dict) or effect.get("ty") in (_CONTROLS, 0, None):
            return False
    drawn = not layer.get("hd") and layer.get("ty") not in (NULL, AUDIO, CAMERA)
    return drawn or matte or (parent and path[0] == "ks")


def _is_fine(path: Path, holder: Document) -> bool:
    if path[0] == "ef":
        return holder.get("ty") == _COLOUR
    return path[-1] in _FINE or (path[-1] == "k" and "g" in path)


def _parents(layers: list[Document]) -> set[int]:
    """The places of layers that others hang on."""
    wanted = {layer.get("parent") for layer in layers if isinstance(layer.get("parent"), int)}
    return {index for index, layer in enumerate(layers) if isinstance(layer.get("ind"), int) and layer["ind"] in wanted}


def _mattes(layers: list[Document]) -> set[int]:
    """The places of layers that mask others."""
    numbered = {layer.get("tp") for layer in layers if isinstance(layer.get("tp"), int)}
    found = {
        index for index, layer in enumerate(layers) if layer.get("td") or (isinstance(layer.get("ind"), int) and layer["ind"] in numbered)
    }
    return found | {index - 1 for index, layer in enumerate(layers) if index and layer.get("tt") and "tp" not in layer}


def _uses(comp: Document, named: dict[str, int]) -> Iterator[Use]:
    layers = layers_of(comp)
    masking = _mattes(layers)
    for index, layer in enumerate(layers):
        child = named.get(str(layer.get("refId")))
        if layer.get("ty") == PRECOMP and child is not None and (not layer.get("hd") or index in masking):
            first, last = ip_op(layer) if index not in masking else (-_EVER, _EVER)
            yield Use(index, child, first, last)


def _order(uses: dict[int, list[Use]]) -> list[int]:
    """The compositions that are shown, each before those that it shows; a circle is cut, and refused elsewhere."""
    done: list[int] = []
    state: dict[int, int] = {}  # 1 while its own are looked at, 2 when they are done
    stack: list[tuple[int, bool]] = [(0, False)]
    while stack:
        index, leaving = stack.pop()
        if leaving:
            if state[index] != 2:
                state[index] = 2
                done.append(index)
            continue
        if state.get(index):
            continue
        state[index] = 1
        stack.append((index, True))
        stack.extend((use.comp, False) for use in uses[index] if not state.get(use.comp))
    place = {index: n for n, index in enumerate(reversed(done))}
    for index, held in uses.items():
        held[:] = [use for use in held if index in place and place[use.comp] > place[index]]
    return done[::-1]


def _needed(order: list[int], uses: dict[int, list[Use]], wanted: set[int]) -> list[int]:
    """Those in the order that hold expressions or lead to such; other uses are dropped."""
    needed: set[int] = set()
    for index in reversed(order):
        uses[index][:] = [use for use in uses[index] if use.comp in needed]
        if index in wanted or uses[index]:
            needed.add(index)
    return [index for index in order if index in needed]
