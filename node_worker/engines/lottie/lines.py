"""How far a document's values go, and how long its lines are at most."""

import math
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects

Document = dict[str, Any]


def length(items: list[Any]) -> float:
    """At most how long the lines of a list of shapes are together, in their own pixels."""
    total = 0.0
    for item in objects(items):
        match item.get("ty"):
            case "gr" if isinstance(item.get("it"), list):
                total += length(item["it"])
            case "rc" | "el":
                total += 4 * _widest(item.get("s"))
            case "sr":
                total += 2 * max(1.0, _widest(item.get("pt"))) * (_widest(item.get("or")) + _widest(item.get("ir")))
            case "sh":
                total += max(map(_path, _paths(item.get("ks"))), default=0.0)
    return total


def _widest(prop: object) -> float:
    low, high = reach(prop)
    return max(abs(low), abs(high))


def _paths(prop: object) -> Iterator[Document]:
    k = prop.get("k") if isinstance(prop, dict) else None
    if isinstance(k, dict):
        yield k
    for frame in objects(k):
        for end in (frame.get("s"), frame.get("e")):
            yield from objects(end if isinstance(end, list) else [end])


def _path(path: Document) -> float:
    """A path's length along its corners and handles, which is never shorter than the curve."""
    corners = path.get("v") or []
    if not corners:
        return 0.0
    handles = sum(math.hypot(*point[:2]) for side in ("i", "o") for point in path.get(side) or ())
    around = [*corners, corners[0]]
    return handles * 2 + sum(math.dist(a[:2], b[:2]) for a, b in zip(around, around[1:], strict=False))


def reach(prop: object) -> tuple[float, float]:
    """The least and the largest value that a property takes, where its keyframes' easing overshoots too."""
    taken = list(_values(prop)) or [1.0]
    low, high = min(taken), max(taken)
    beyond = max((max(y - 1, -y) for y in _eases(prop)), default=0.0)
    slack = (high - low) * max(0.0, beyond)
    return low - slack, high + slack


def _values(prop: object) -> Iterator[float]:
    """All numbers that a property takes, its keyframes' included."""
    value = prop.get("k") if isinstance(prop, dict) else prop
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for end in (part.get("s"), part.get("e")):
                yield from (float(v) for v in (end if isinstance(end, list) else [end]) if isinstance(v, (int, float)))
        elif isinstance(part, (int, float)):
            yield float(part)


def _eases(prop: object) -> Iterator[float]:
    """How far each easing's handles go: 0 is the value before, 1 the one after."""
    for frame in objects(prop.get("k") if isinstance(prop, dict) else None):
        for handle in (frame.get("i"), frame.get("o")):
            y = handle.get("y") if isinstance(handle, dict) else None
            yield from (float(v) for v in (y if isinstance(y, list) else [y]) if isinstance(v, (int, float)))
