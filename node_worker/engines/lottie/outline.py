"""The outlines of shapes as paths of corners with handles: where they begin, which way they go round, how round they are."""

import math
from typing import Any

from node_worker.engines.lottie import sampling

Document = dict[str, Any]
_ROUND = 0.5519  # of a radius: the handle with which a cubic curve nears a quarter of a circle; the reference player's figure
_REVERSED = 3  # a shape's direction


def outline(item: Document, frame: float) -> Document | None:
    """A shape's path at a frame, `{"v", "i", "o", "c"}`; None for what is no outline or has no points."""
    match item.get("ty"):
        case "sh":
            found = sampling.path(item.get("ks"), frame)
            return reverse(found) if found and item.get("d") == _REVERSED else found
        case "rc":
            return rectangle(item, frame, sampling.value(item.get("r"), frame))
        case "el":
            return ellipse(item, frame)
        case "sr":
            return star(item, frame)
    return None


def rectangle(item: Document, frame: float, radius: float) -> Document:
    """A rectangle from its upper right corner, clockwise."""
    width, height, *_ = (*sampling.numbers(item.get("s"), frame, (0.0, 0.0)), 0.0)
    x, y = sampling.place(item.get("p"), frame)
    right, left, top, bottom = x + width / 2, x - width / 2, y - height / 2, y + height / 2
    radius = min(width / 2, height / 2, radius)
    if radius <= 0:
        found = _path([(right, top), (right, bottom), (left, bottom), (left, top)], [(0.0, 0.0)] * 4, [(0.0, 0.0)] * 4)
    else:
        near = radius * _ROUND
        corners = [
            ((right, top + radius), (0, -near), (0, 0)),
            ((right, bottom - radius), (0, 0), (0, near)),
            ((right - radius, bottom), (near, 0), (0, 0)),
            ((left + radius, bottom), (0, 0), (-near, 0)),
            ((left, bottom - radius), (0, near), (0, 0)),
            ((left, top + radius), (0, 0), (0, -near)),
            ((left + radius, top), (-near, 0), (0, 0)),
            ((right - radius, top), (0, 0), (near, 0)),
        ]
        found = _path(*zip(*corners, strict=True))
    return reverse(found) if item.get("d") == _REVERSED else found


def ellipse(item: Document, frame: float) -> Document:
    """An ellipse from its top, clockwise."""
    width, height, *_ = (*sampling.numbers(item.get("s"), frame, (0.0, 0.0)), 0.0)
    x, y = sampling.place(item.get("p"), frame)
    across, down = width / 2, height / 2
    near_x, near_y = across * _ROUND, down * _ROUND
    found = _path(
        [(x, y - down), (x + across, y), (x, y + down), (x - across, y)],
        [(-near_x, 0), (0, -near_y), (near_x, 0), (0, near_y)],
        [(near_x, 0), (0, near_y), (-near_x, 0), (0, -near_y)],
    )
    return reverse(found) if item.get("d") == _REVERSED else found


def star(item: Document, frame: float) -> Document | None:
    """A star or, of kind 2, a polygon, from its topmost point; None for fewer than one point."""
    polygon = item.get("sy") == 2
    count = math.floor(sampling.value(item.get("pt"), frame, 5.0)) * (1 if polygon else 2)
    if not 1 <= count <= 20_000:
        return None
    x, y = sampling.place(item.get("p"), frame)
    turn = math.radians(sampling.value(item.get("r"), frame) - 90)
    way = -1 if item.get("d") == _REVERSED else 1
    radii = [sampling.value(item.get("or"), frame)] + ([] if polygon else [sampling.value(item.get("ir"), frame)])
    rounds = [sampling.value(item.get("os"), frame)] + ([] if polygon else [sampling.value(item.get("is"), frame)])
    points, into, out = [], [], []
    for n in range(count):
        radius, part = radii[n % len(radii)], rounds[n % len(radii)] / 100
        angle = turn + way * 2 * math.pi * n / count
        handle = way * radius * part * 2 * math.pi / (count * (4 if polygon else 2))
        across = (-math.sin(angle), math.cos(angle))
        points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
        into.append((-across[0] * handle, -across[1] * handle))
        out.append((across[0] * handle, across[1] * handle))
    return _path(points, into, out)


def reverse(path: Document) -> Document:
    """The same path the other way round; a closed one begins at the same point."""
    order = [*range(len(path["v"]))]
    order = [*order[:1], *reversed(order[1:])] if path["c"] else [*reversed(order)]
    return {"v": [path["v"][n] for n in order], "i": [path["o"][n] for n in order], "o": [path["i"][n] for n in order], "c": path["c"]}


def _path(points: Any, into: Any, out: Any) -> Document:
    return {"v": [[*point] for point in points], "i": [[*point] for point in into], "o": [[*point] for point in out], "c": True}
