"""Paths of a document, moment by moment: whether the engine takes them, and how far they go."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects

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
    """How far from zero a path property's points and handles go at most."""
    return max((_farthest(path, "v") + max(_farthest(path, "i"), _farthest(path, "o")) for path in moments(prop) if path), default=0.0)


def _farthest(path: Document, side: str) -> float:
    numbers = itertools.chain.from_iterable(path.get(side) or ())
    return float(max(map(abs, numbers), default=0.0))


def length(prop: object) -> float:
    """At most how long a path property's line is: along corners and handles it is never shorter than the curve."""
    return max((_length(path) for path in moments(prop) if path), default=0.0)


def _length(path: Document) -> float:
    corners = path.get("v") or []
    if not corners:
        return 0.0
    handles = sum(math.hypot(*point[:2]) for side in ("i", "o") for point in path.get(side) or ())
    return handles * 2 + sum(math.dist(one[:2], other[:2]) for one, other in itertools.pairwise([*corners, corners[0]]))
