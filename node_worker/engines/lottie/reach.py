"""How far a property's values go, between its keyframes too."""

from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects


def reach(prop: object) -> tuple[float, float] | None:
    """The least and the largest value that a property takes, where its keyframes' easing overshoots too; None if it says none."""
    taken = list(_values(prop))
    if not taken:
        return None
    low, high = min(taken), max(taken)
    beyond = max((max(y - 1, -y) for y in _eases(prop)), default=0.0)
    slack = (high - low) * max(0.0, beyond)
    return low - slack, high + slack


def widest(prop: object, default: float = 0.0) -> float:
    """How far from zero a property goes."""
    found = reach(prop)
    return default if found is None else max(abs(found[0]), abs(found[1]))


def _values(prop: object) -> Iterator[float]:
    value = prop.get("k") if isinstance(prop, dict) else prop
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for end in (part.get("s"), part.get("e")):
                yield from (float(v) for v in (end if isinstance(end, list) else [end]) if isinstance(v, (int, float)))
        elif isinstance(part, (int, float)):
            yield float(part)


def _eases(prop: Any) -> Iterator[float]:
    """How far each easing's handles go: 0 is the value before, 1 the one after."""
    for frame in objects(prop.get("k") if isinstance(prop, dict) else None):
        for handle in (frame.get("i"), frame.get("o")):
            y = handle.get("y") if isinstance(handle, dict) else None
            yield from (float(v) for v in (y if isinstance(y, list) else [y]) if isinstance(v, (int, float)))
