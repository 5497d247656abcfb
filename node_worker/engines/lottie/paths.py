"""Paths of a document, moment by moment: whether the engine takes them, and how far they go."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.reach import overshoot

Document = dict[str, Any]


def moments(prop: object) -> Iterator[Document | None]:
    """A path property's path at each keyframe, where a keyframe without one takes the end of the one before; None for no path."""
    k = prop.get("k") if isinstance(prop, dict) else None
    if not isinstance(k, list):
        yield k if isinstance(k, dict) else None
        return
    before: Document | None = None
    for frame in objects(k):
        yield _one(frame["s"]) if "s" in frame else before
        before = _one(frame.get("e"))
    if not k:
        yield None


def _one(value: object) -> Document | None:
    held = value[0] if isinstance(value, list) and value else value
    return held if isinstance(held, dict) else None


def is_drawn(path: Document | None) -> bool:
    """Whether the engine takes a path: it has points, and each has both handles."""
    counts = {len(path.get(side, ())) for side in ("v", "i", "o")} if path else {0}
    return len(counts) == 1 and counts != {0}


def extent(prop: object) -> float:
    """How far from zero a path property's points and handles go at most, where its keyframes' easing overshoots too."""
    found = list(moments(prop))
    farthest = max((_farthest(path, "v") + max(_farthest(path, "i"), _farthest(path, "o")) for path in found if path), default=0.0)
    k = prop.get("k") if isinstance(prop, dict) else None
    beyond = max((overshoot((frame.get("i"), frame.get("o"))) for frame in objects(k)), default=0.0)
    return farthest + beyond * max((_way(one, other) for one, other in itertools.pairwise(found)), default=0.0) if beyond else farthest


def _way(one: Document | None, other: Document | None) -> float:
    """How far a point or handle moves from one path to another."""
    if not one or not other:
        return 0.0
    flat = [[*itertools.chain.from_iterable(path.get(side) or ())] for side in ("v", "i", "o") for path in (one, other)]
    return sum(max((abs(a - b) for a, b in zip(flat[n], flat[n + 1], strict=False)), default=0.0) for n in (0, 2, 4))


def _farthest(path: Document, side: str) -> float:
    numbers = itertools.chain.from_iterable(path.get(side) or ())
    return float(max(map(abs, numbers), default=0.0))


def length(prop: object, enough: float) -> float:
    """At most how long a path property's line is: along corners and handles it is never shorter than the curve.

    Where even the roughest measure is below `enough`, that is the answer.
    """
    points = max((len(path.get("v") or ()) for path in moments(prop) if path), default=0)
    rough = 6 * points * extent(prop)
    return rough if rough <= enough else max((_length(path) for path in moments(prop) if path), default=0.0)


def _length(path: Document) -> float:
    corners = path.get("v") or []
    if not corners:
        return 0.0
    handles = sum(math.hypot(*point[:2]) for side in ("i", "o") for point in path.get(side) or ())
    return handles * 2 + sum(math.dist(one[:2], other[:2]) for one, other in itertools.pairwise([*corners, corners[0]]))
