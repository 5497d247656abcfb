"""Cuts outlines one after another across groups: the engine does so only for outlines that are painted together.

A trim that goes through outlines one by one takes all of them as one line, in their order. It becomes a trim of each group's own part.
"""

import math
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.outline import outline
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import (
    OUTLINES,
    PAINTS,
    Budget,
    cost_of,
    frames_of,
    kind_of,
    linear,
    name_of,
    shape_layers,
    shape_lists,
)

Document = dict[str, Any]
Unit = tuple[list[Any], list[Document]]  # a painted list of shapes, and the outlines that it paints
_ONE_BY_ONE = 2  # how a trim goes through outlines
_MOST_KEYS = 100_000  # keyframes of a document
_CHORDS = 16  # by which the length of a curve is measured
_CHANGED = frozenset(("rd", "pb", "zz", "op", "rp", "tm"))  # after which an outline is no longer as long as it says


def trims(document: Document, report: Report) -> None:
    """Share out each such trim."""
    budget = Budget(_MOST_KEYS)
    for layer in shape_layers(document):
        for items in shape_lists(layer["shapes"]):
            for item in [item for item in objects(items) if kind_of(item) == "tm" and item.get("m") == _ONE_BY_ONE and not item.get("hd")]:
                if not _share(item, items, budget):
                    detail = "A trim that goes through paths one after another acts on each group by itself; trim each group instead."
                    report("shape.trim", detail, name_of(layer))


def _share(trim: Document, items: list[Any], budget: Budget) -> bool:
    """Put a part of a trim into each painted group before it; False if that cannot be done."""
    index = next(place for place, item in enumerate(items) if item is trim)
    before = [item for item in objects(items[:index]) if not item.get("hd")]
    units = _units(before)
    if units is None:
        return False
    if len(units) < 2:
        return True
    outlines = [item for _, found in units for item in found]
    shapes = [item.get(name) for item in outlines for name in ("ks", "s", "p", "r", "pt", "ir", "is", "or", "os")]
    props = [*(trim.get(name) for name in ("s", "e", "o")), *shapes]
    frames = frames_of(props)
    moved = any(map(sampling.is_animated, shapes))
    corners = sum(len(path["v"]) for item in outlines if (path := outline(item, 0.0)))
    if not budget.take((2 * len(units) + corners * moved // 4) * cost_of(frames, props)):
        return False
    still = None if moved else _lengths(units, 0.0)
    parts = [_parts(trim, still or _lengths(units, frame), frame) for frame in frames]
    for number, (held, _) in enumerate(units):
        own = [(frame, *found[number]) for frame, found in zip(frames, parts, strict=True)]
        length = linear((frame, [round(100 * part, 4)]) for frame, _, part in own)
        offset = linear((frame, [round(360 * start, 4)]) for frame, start, _ in own)
        share = {"ty": "tm", "m": _ONE_BY_ONE, "s": {"a": 0, "k": 0}, "e": length, "o": offset}
        place = next((place for place, item in enumerate(held) if isinstance(item, dict) and kind_of(item) == "tr"), len(held))
        held.insert(place, share)
    del items[index]
    return True


def _units(items: list[Document]) -> list[Unit] | None:
    """The painted lists among some shapes, in their order; None where outlines are painted here and there."""
    found: list[Unit] = []
    loose = any(kind_of(item) in OUTLINES for item in items)
    for item in items:
        if kind_of(item) in _CHANGED:
            return None
        if kind_of(item) == "gr" and isinstance(item.get("it"), list) and not item.get("hd"):
            held = [one for one in objects(item["it"]) if not one.get("hd")]
            if any(kind_of(one) in PAINTS for one in held):
                outlines = _outlines(held)
                if outlines is None:
                    return None
                found.append((item["it"], outlines))
            else:
                inner = _units(held)
                if inner is None:
                    return None
                loose = loose or (not inner and bool(_outlines(held)))
                found += inner
    return None if loose and found else found


def _outlines(items: list[Document]) -> list[Document] | None:
    """The outlines of a painted list; None where a group among them has paint of its own."""
    found: list[Document] = []
    for item in items:
        if kind_of(item) in _CHANGED:
            return None
        if kind_of(item) in OUTLINES:
            found.append(item)
        elif kind_of(item) == "gr":
            held = [one for one in objects(item.get("it")) if not one.get("hd")]
            inner = None if any(kind_of(one) in PAINTS for one in held) else _outlines(held)
            if inner is None:
                return None
            found += inner
    return found


def _lengths(units: list[Unit], frame: float) -> list[float]:
    return [sum(_length(outline(item, frame)) for item in outlines) for _, outlines in units]


def _parts(trim: Document, lengths: list[float], frame: float) -> list[tuple[float, float]]:
    """Where in each unit its part begins, and how long it is, as parts of the unit's own length."""
    whole = sum(lengths)
    ends = sorted(min(max(sampling.value(trim.get(name), frame, usual) / 100, 0.0), 1.0) for name, usual in (("s", 0.0), ("e", 100.0)))
    start = (ends[0] + sampling.value(trim.get("o"), frame) / 360) % 1.0
    end = start + ends[1] - ends[0]
    parts, begin = [], 0.0
    for length in lengths:
        if not length:
            parts.append((0.0, 0.0))
            continue
        low, high = begin / whole, (begin + length) / whole
        begin += length
        first = (max(start, low), min(end, high))
        second = (max(start - 1, low), min(end - 1, high))  # what goes on behind the end, at the beginning
        own = [(a, b) for a, b in (first, second) if b > a]
        size = high - low
        parts.append(((own[0][0] - low) / size, sum(b - a for a, b in own) / size) if own else (0.0, 0.0))
    return parts


def _length(path: Document | None) -> float:
    if path is None:
        return 0.0
    count = len(path["v"])
    total = 0.0
    for index in range(count if path["c"] else count - 1):
        a, d = path["v"][index], path["v"][(index + 1) % count]
        out, into = path["o"][index], path["i"][(index + 1) % count]
        if not any((*out, *into)):
            total += math.dist(a, d)
            continue
        b, c = (a[0] + out[0], a[1] + out[1]), (d[0] + into[0], d[1] + into[1])
        before = (a[0], a[1])
        for step in range(1, _CHORDS + 1):
            t = step / _CHORDS
            u = 1 - t
            x, y = (u**3 * a[n] + 3 * u * u * t * b[n] + 3 * u * t * t * c[n] + t**3 * d[n] for n in range(2))
            total += math.dist(before, (x, y))
            before = (x, y)
    return total
