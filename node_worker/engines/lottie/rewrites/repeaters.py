"""Writes a repeater's copies out as groups: the engine spaces their opacities wrongly, and stacks shapes where copies should be stacked.

The copy number n (from 0) is moved n times, turned n times and scaled to the n-th power, about the repeater's anchor; an offset adds to n.
Its opacity goes from the start's, of the first copy, to the end's, of the last. The first copy lies uppermost, or, in the order 2, at
the bottom. A number of copies with a fraction is rounded up.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import msgspec

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import (
    PAINTS,
    Budget,
    cost_of,
    frames_of,
    group,
    kind_of,
    linear,
    name_of,
    shape_layers,
    shape_lists,
)

Document = dict[str, Any]
_MOST_COPIES = 1000  # of a repeater; more are left to the engine, and told
_MOST_BYTES = 24 << 20  # of a document's copies, as JSON
_MOST_KEYS = 200_000  # keyframes of a document's copies
_LARGEST_POWER = 13.0  # of two: a copy some thousand times as large cannot be drawn
_BELOW = 2  # the order in which the first copy lies at the bottom


def repeaters(document: Document, report: Report) -> None:
    """Write out all repeaters of a document, in the order of their lists."""
    size, keys = Budget(_MOST_BYTES), Budget(_MOST_KEYS)
    for layer in shape_layers(document):
        found = list(shape_lists(layer["shapes"]))
        for items in reversed(found):  # the inner lists first, as they are copied by the outer ones
            if any(kind_of(item) == "rp" for item in objects(items)) and not _write_out(items, size, keys):
                report("repeater.many", "A repeater makes so many copies that they may be drawn otherwise; use fewer.", name_of(layer))


def _write_out(items: list[Any], size: Budget, keys: Budget) -> bool:
    """Replace each repeater of a list, and what stands before it, by groups; False if one is left as it is."""
    complete = True
    index = 0
    while index < len(items):
        item = items[index]
        if not isinstance(item, dict) or kind_of(item) != "rp" or item.get("hd"):
            index += 1
            continue
        painted = any(kind_of(other) in PAINTS for other in objects(items[index + 1 :]))
        copies = _copies(item, items[:index], size, keys, painted=painted)
        if copies is None:
            complete = False
            index += 1
            continue
        items[: index + 1] = copies
        index = len(copies)
    return complete


def _copies(repeater: Document, content: list[Any], size: Budget, keys: Budget, *, painted: bool) -> list[Any] | None:
    """The groups of a repeater, uppermost first; None where there are too many."""
    step = _Step(repeater)
    frames = frames_of(_properties(repeater), most=600)
    if not keys.take(cost_of(frames, _properties(repeater))):
        return None
    moments = [step.at(frame) for frame in frames]
    count = max(moment.count for moment in moments)
    if count > _MOST_COPIES or any(math.isinf(part) for moment in moments for part in moment.size(count)):
        return None
    written = msgspec.json.encode(content)
    if not size.take(len(written) * count) or not keys.take(len(frames) * count * 2 if len(frames) > 1 else 0):
        return None
    copies = []
    for number in range(count):
        held = msgspec.json.decode(written)
        copies.append(_copy(held, number, list(zip(frames, moments, strict=True)), painted=painted))
    return copies[::-1] if repeater.get("m") == _BELOW else copies


def _properties(repeater: Document) -> list[Any]:
    held = repeater.get("tr")
    move = held if isinstance(held, dict) else {}
    return [repeater.get("c"), repeater.get("o"), *(move.get(name) for name in ("a", "p", "s", "r", "so", "eo"))]


class _Moment(msgspec.Struct, frozen=True):
    """A repeater at one frame."""

    count: int
    offset: float
    anchor: list[float]
    step: list[float]
    scale: list[float]
    turn: float
    opacities: tuple[float, float]

    def opacity(self, number: int) -> float:
        first, last = self.opacities
        return 0.0 if number >= self.count else first + (last - first) * (number / (self.count - 1) if self.count > 1 else 0.0)

    def place(self, number: int) -> list[float]:
        return [way * (number + self.offset) + about for way, about in zip(self.step, self.anchor, strict=True)]

    def size(self, number: int) -> list[float]:
        return [_power(part, number, self.offset) * 100 for part in self.scale]


class _Step:
    """What a repeater does from one copy to the next."""

    def __init__(self, repeater: Document) -> None:
        held = repeater.get("tr")
        self._copies, self._offset = repeater.get("c"), repeater.get("o")
        self._move: Document = held if isinstance(held, dict) else {}

    def at(self, frame: float) -> _Moment:
        move = self._move
        scale = [*sampling.numbers(move.get("s"), frame, (100.0, 100.0)), 100.0][:2]
        count = sampling.value(self._copies, frame)
        return _Moment(
            count=max(0, math.ceil(min(count, _MOST_COPIES + 1) - 1e-6)),
            offset=sampling.value(self._offset, frame),
            anchor=[*sampling.place(move.get("a"), frame)],
            step=[*sampling.place(move.get("p"), frame)],
            scale=[part / 100 for part in scale],
            turn=sampling.value(move.get("r"), frame),
            opacities=(sampling.value(move.get("so"), frame, 100.0), sampling.value(move.get("eo"), frame, 100.0)),
        )


def _copy(content: list[Any], number: int, moments: list[tuple[float, _Moment]], *, painted: bool) -> Document:
    """One copy. Turning comes before scaling, so that uneven scales need a group of their own."""
    there = [moment.count > number for _, moment in moments]
    opacity = _property((frame, [moment.opacity(number)]) for frame, moment in moments)
    place = _property((frame, moment.place(number)) for frame, moment in moments)
    anchor = _property((frame, moment.anchor) for frame, moment in moments)
    turn = _property((frame, [moment.turn * (number + moment.offset)]) for frame, moment in moments)
    # Paint that stands outside draws a group whatever its opacity is, so a copy that is not there is made small there.
    sizes = [(frame, [0.0, 0.0] if painted and number >= moment.count else moment.size(number)) for frame, moment in moments]
    scale = _property(sizes)
    for prop in (opacity, scale) if painted else (opacity,):
        _hold(prop, there)
    if all(x == y for _, (x, y) in sizes):
        return group(content, p=place, a=anchor, s=scale, r=turn, o=opacity)
    return group([group(content, a=anchor, r=turn)], p=place, s=scale, o=opacity)


def _property(moments: Iterable[tuple[float, list[float]]]) -> Document:
    return linear((frame, [round(part, 4) for part in value]) for frame, value in moments)


def _hold(prop: Document, there: list[bool]) -> None:
    """Let a copy come and go at once."""
    if prop["a"]:
        for frame, (now, then) in zip(prop["k"], itertools.pairwise(there), strict=False):
            if now != then:
                frame["h"] = 1


def _power(base: float, number: int, offset: float) -> float:
    """A scale to the power of a copy's number and an offset, whose fraction counts in a straight line, as in the reference player."""
    whole = math.trunc(offset)
    exponent, part = number + whole, 1 + (base - 1) * abs(offset - whole)
    if offset < 0:
        part = 1 / part if part else 0.0
    if not base:
        return float(exponent == 0) * part
    if exponent * math.log2(abs(base)) > _LARGEST_POWER:
        return math.inf
    return math.copysign(1.0, base) ** exponent * abs(base) ** exponent * part
