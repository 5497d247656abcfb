"""Draws zig-zags, pucker and bloat, round corners and round stars as paths: the engine knows no zig-zag, and bends the others otherwise.

What changes outlines acts on those before it, one after another. The shapes are those of the reference player.
"""

import math
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.outline import outline
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import (
    OUTLINES,
    Budget,
    cost_of,
    frames_of,
    kind_of,
    linear,
    name_of,
    shape_layers,
    shape_lists,
    still,
)

Document = dict[str, Any]
_MOST_POINTS = 500_000  # of all paths of a document that are written, over all frames
_MOST_RIDGES = 2000  # of a zig-zag, between two corners
_BAKED = frozenset(("zz", "pb", "rd"))
_ROUND = 0.5519  # of the way to a corner: the handle of its rounding
_POLYGON = 2  # a star's kind
_SMOOTH = 2  # a zig-zag's kind of points
_PROPERTIES = {"zz": ("s", "r", "pt"), "pb": ("a",), "rd": ("r",), "sh": ("ks",), "rc": ("s", "p", "r"), "el": ("s", "p")}
_OF_STARS = ("pt", "p", "r", "ir", "is", "or", "os")
_HANDLES = 1e-6  # pixels: below that a corner has none


def modifiers(document: Document, report: Report) -> None:
    """Write out the outlines of each list that needs it."""
    budget = Budget(_MOST_POINTS)
    for layer in shape_layers(document):
        for items in reversed(list(shape_lists(layer["shapes"]))):
            for item in objects(items):
                if _is_round_star(item) and (path := _path(item, [], budget)) is not None:
                    _replace(item, path)
            if not any(kind_of(item) in _BAKED and not item.get("hd") for item in objects(items)):
                continue
            if not _write_out(items, budget) and any(kind_of(item) == "zz" for item in objects(items)):
                detail = "A zig-zag is not drawn, because its paths are trimmed, offset or repeated before, or move too much."
                report("shape.zigzag", detail, name_of(layer))


def _write_out(items: list[Any], budget: Budget) -> bool:
    """Replace the outlines before a list's last such modifier by what it makes of them; False if it cannot be."""
    last = max(index for index, item in enumerate(items) if isinstance(item, dict) and kind_of(item) in _BAKED and not item.get("hd"))
    found = _collect(items[: last + 1])
    if found is None:
        return False
    outlines, changes = found
    if not any(kind_of(change) == "zz" for change in changes) and not _is_drawn_otherwise(outlines, changes):
        return True
    paths = []
    for item in outlines:
        path = _path(item, changes, budget)
        if path is None:
            return False
        paths.append(path)
    for item, path in zip(outlines, paths, strict=True):
        _replace(item, path)
    items[:] = [item for item in items if not any(item is change for change in changes)]
    return True


def _replace(item: Document, path: Document) -> None:
    """Let an outline be a path."""
    kept = {"nm": item["nm"]} if "nm" in item else {}
    item.clear()
    item.update(ty="sh", ks=path, **kept)


def _is_round_star(item: Document) -> bool:
    """Whether an outline is a star of whole points whose points are round: the engine bends them by another measure."""
    if kind_of(item) != "sr" or item.get("sy") == _POLYGON or sampling.is_animated(item.get("pt")) or sampling.value(item.get("pt"), 0) % 1:
        return False
    return any(sampling.is_animated(item.get(name)) or sampling.value(item.get(name), 0) for name in ("is", "os"))


def _collect(items: list[Any]) -> tuple[list[Document], list[Document]] | None:
    """The outlines of a list and its groups, and what changes them all; None where other changes come between."""
    outlines: list[Document] = []
    changes: list[Document] = []
    for item in objects(items):
        kind = kind_of(item)
        if item.get("hd"):
            continue
        if kind in ("tm", "op", "rp", "tw") or (changes and (kind in OUTLINES or kind == "gr")):
            return None
        if kind in _BAKED:
            changes.append(item)
        elif kind in OUTLINES:
            outlines.append(item)
        elif kind == "gr" and isinstance(item.get("it"), list):
            inner = _collect(item["it"])
            if inner is None or inner[1]:
                return None
            outlines += inner[0]
    return outlines, changes


def _is_drawn_otherwise(outlines: list[Document], changes: list[Document]) -> bool:
    """Whether the engine errs: for paths with round corners, open paths, round stars, and, by a little, for all."""
    props = [*_properties(outlines), *_properties(changes)]
    if not any(map(sampling.is_animated, props)):
        return True
    rounds = any(kind_of(change) == "rd" for change in changes)
    return any(
        (kind_of(item) == "sh" and rounds)
        or (kind_of(item) == "sr" and (sampling.value(item.get("is"), 0) or sampling.value(item.get("os"), 0)))
        or (kind_of(item) == "sh" and not (sampling.path(item.get("ks"), 0) or {"c": True})["c"])
        for item in outlines
    )


def _properties(items: list[Document]) -> list[Any]:
    return [item.get(name) for item in items for name in _PROPERTIES.get(kind_of(item), _OF_STARS)]


def _path(item: Document, changes: list[Document], budget: Budget) -> Document | None:
    """What changes make of an outline, as a property."""
    props = _properties([item, *changes])
    frames = frames_of(props)
    moments: list[tuple[float, list[Any]]] = []
    if not budget.take(cost_of(frames, props)):
        return None
    for frame in frames:
        path = outline(item, frame)
        if path is None or not budget.take(len(path["v"])):
            return None
        for change in changes:
            path = _changed(path, change, frame)
            if path is None or not budget.take(len(path["v"])):
                return None
        rounded = {side: [[round(part, 3) for part in point] for point in path[side]] for side in ("v", "i", "o")}
        moments.append((frame, [{**rounded, "c": path["c"]}]))
    if len(moments) == 1:
        return still(moments[0][1][0])
    prop = linear(moments)
    if not prop["a"]:
        return still(moments[0][1][0])
    for frame, (_, [now]), (_, [then]) in zip(prop["k"], moments, moments[1:], strict=False):
        if len(now["v"]) != len(then["v"]):
            frame["h"] = 1
    return prop


def _changed(path: Document, change: Document, frame: float) -> Document | None:
    """A path after one change; None where it would become too large."""
    match kind_of(change):
        case "zz":
            ridges = sampling.value(change.get("r"), frame)
            if not ridges <= min(_MOST_RIDGES, _MOST_POINTS / len(path["v"])):
                return None
            smooth = sampling.value(change.get("pt"), frame, 1.0) == _SMOOTH
            return zigzag(path, sampling.value(change.get("s"), frame), max(0, math.floor(ridges + 0.5)), smooth=smooth)
        case "pb":
            return pucker(path, sampling.value(change.get("a"), frame) / 100)
        case _:
            return rounded(path, sampling.value(change.get("r"), frame))


def zigzag(path: Document, size: float, ridges: int, *, smooth: bool) -> Document:
    """Ridges to either side of a path by turns, evenly in each curve's own measure, and at its corners."""
    corners, count = path["v"], len(path["v"])
    segments = count if path["c"] else count - 1
    if not size or not segments:
        return path
    side = -1.0
    found: list[tuple[list[float], list[float], list[float]]] = []
    for segment in range(segments):
        found.append(
            _ridge(corners[segment], _across_corner(corners, segment), side * size, *_reaches(corners, segment, ridges, smooth=smooth))
        )
        a, d = corners[segment], corners[(segment + 1) % count]
        b = _handle_end(a, path["o"][segment], d)
        c = _handle_end(d, path["i"][(segment + 1) % count], a)
        reach = math.dist(a, d) / ((ridges + 1) * 2) if smooth else 0.0
        side = -side
        for n in range(1, ridges + 1):
            point, way = _on_curve(a, b, c, d, n / (ridges + 1))
            found.append(_ridge(point, way, side * size, reach, reach))
            side = -side
    found.append(
        _ridge(
            corners[segments % count], _across_corner(corners, segments), side * size, *_reaches(corners, segments, ridges, smooth=smooth)
        )
    )
    return {"v": [one[0] for one in found], "i": [one[1] for one in found], "o": [one[2] for one in found], "c": path["c"]}


def _handle_end(corner: list[float], handle: list[float], other: list[float]) -> list[float]:
    """Where a handle ends; one without length reaches to a third of the way, so that straight lines are gone evenly."""
    if all(abs(part) < _HANDLES for part in handle):
        return [p + (q - p) / 3 for p, q in zip(corner, other, strict=True)]
    return [p + q for p, q in zip(corner, handle, strict=True)]


def _ridge(
    point: list[float], way: tuple[float, float], size: float, out: float, into: float
) -> tuple[list[float], list[float], list[float]]:
    """A point beside a path that goes a way, with its handles in and out."""
    length = math.hypot(*way)
    x, y = (way[0] / length, way[1] / length) if length else (0.0, 1.0)  # the ends of a single line go along it, as in the reference player
    return [point[0] + y * size, point[1] - x * size], [-x * into, -y * into], [x * out, y * out]


def _across_corner(corners: list[list[float]], index: int) -> tuple[float, float]:
    """The way from the corner before one to the one behind it."""
    before, after = corners[(index or len(corners)) - 1], corners[(index + 1) % len(corners)]
    return after[0] - before[0], after[1] - before[1]


def _reaches(corners: list[list[float]], index: int, ridges: int, *, smooth: bool) -> tuple[float, float]:
    """How long a corner's handles out and in are."""
    if not smooth:
        return 0.0, 0.0
    own = corners[index % len(corners)]
    before, after = corners[(index or len(corners)) - 1], corners[(index + 1) % len(corners)]
    return math.dist(own, after) / ((ridges + 1) * 2), math.dist(own, before) / ((ridges + 1) * 2)


def _on_curve(a: list[float], b: list[float], c: list[float], d: list[float], t: float) -> tuple[list[float], tuple[float, float]]:
    """A curve's point at `t`, and the way it goes there."""
    u = 1 - t
    point = [u**3 * a[n] + 3 * u * u * t * b[n] + 3 * u * t * t * c[n] + t**3 * d[n] for n in range(2)]
    x, y = (3 * u * u * (b[n] - a[n]) + 6 * u * t * (c[n] - b[n]) + 3 * t * t * (d[n] - c[n]) for n in range(2))
    return point, (x, y) if (x, y) != (0.0, 0.0) else (d[0] - a[0], d[1] - a[1])


def pucker(path: Document, part: float) -> Document:
    """Corners drawn to their centre by a part, and the ends of handles pushed away from it."""
    if not part:
        return path
    count = len(path["v"])
    centre = [sum(point[n] for point in path["v"]) / count for n in range(2)]
    corners = [[p + (m - p) * part for p, m in zip(point, centre, strict=True)] for point in path["v"]]

    def pushed(side: str) -> list[list[float]]:
        ends = [[p + q for p, q in zip(point, handle, strict=True)] for point, handle in zip(path["v"], path[side], strict=True)]
        ends = [[p - (m - p) * part for p, m in zip(end, centre, strict=True)] for end in ends]
        return [[p - q for p, q in zip(end, corner, strict=True)] for end, corner in zip(ends, corners, strict=True)]

    return {"v": corners, "i": pushed("i"), "o": pushed("o"), "c": path["c"]}


def rounded(path: Document, radius: float) -> Document:
    """Corners without handles cut off by a radius, at most half of the way to the next ones, and rounded."""
    if radius <= 0:
        return path
    count = len(path["v"])
    found: list[tuple[list[float], list[float], list[float]]] = []
    for index, (corner, into, out) in enumerate(zip(path["v"], path["i"], path["o"], strict=True)):
        sharp = all(abs(part) < _HANDLES for part in (*into, *out))
        if not sharp or (not path["c"] and index in (0, count - 1)):
            found.append((corner, into, out))
            continue
        for neighbour, first in ((path["v"][index - 1], True), (path["v"][(index + 1) % count], False)):
            way = math.dist(corner, neighbour)
            part = min(way / 2, radius) / way if way else 0.0
            point = [p + (q - p) * part for p, q in zip(corner, neighbour, strict=True)]
            handle = [(p - q) * _ROUND for p, q in zip(corner, point, strict=True)]
            found.append((point, [0.0, 0.0], handle) if first else (point, handle, [0.0, 0.0]))
    return {"v": [one[0] for one in found], "i": [one[1] for one in found], "o": [one[2] for one in found], "c": path["c"]}
