"""How far a property's values go, between its keyframes too."""

from typing import Any

_SWING = 4 / 9  # a Bezier curve goes that part of the way to either handle, at most


def reach(prop: object, parts: int | None = None) -> tuple[float, float] | None:
    """The least and the largest value that a property takes, where its keyframes' easing overshoots too; None if it says none.

    `parts` is how many of each value's numbers count: two where the third is a depth, which nobody draws.
    """
    k = prop.get("k") if isinstance(prop, dict) else prop
    if isinstance(k, (int, float)):
        return float(k), float(k)
    if not isinstance(k, list) or not k:
        return None
    if isinstance(k[0], dict):
        return _keyframes(k, parts)
    numbers = _numbers(k)[:parts]
    return (min(numbers), max(numbers)) if numbers else None


def widest(prop: object, default: float = 0.0, parts: int | None = None) -> float:
    """How far from zero a property goes."""
    found = reach(prop, parts)
    return default if found is None else max(abs(found[0]), abs(found[1]))


def _keyframes(frames: list[Any], parts: int | None) -> tuple[float, float] | None:
    low = high = None
    slack = 0.0
    before: list[float] = []  # the values that the next keyframe moves away from
    ease: tuple[Any, Any] = (None, None)
    for frame in frames:
        if not isinstance(frame, dict):
            continue
        start, end = _numbers(frame.get("s"))[:parts], _numbers(frame.get("e"))[:parts]
        for values in (start, end):
            if values:
                low, high = min(values) if low is None else min(low, *values), max(values) if high is None else max(high, *values)
        for one, other in ((before, start), (start, end)):
            if one and other:
                way = max(abs(a - b) for a, b in zip(one, other, strict=False))
                handles = ease if other is start else (frame.get("i"), frame.get("o"))
                slack = max(slack, way * overshoot(handles)) if way else slack
        before, ease = end or start or before, (frame.get("i"), frame.get("o"))
    return None if low is None or high is None else (low - slack, high + slack)


def overshoot(handles: tuple[Any, Any]) -> float:
    """How far an easing goes beyond its ends, in parts of the way between them."""
    above = below = 0.0
    for handle in handles:
        ys = _numbers(handle.get("y")) if isinstance(handle, dict) else []
        if ys:
            above += max(0.0, max(ys) - 1)
            below += max(0.0, -min(ys))
    return _SWING * max(above, below)


def _numbers(value: object) -> list[float]:
    if isinstance(value, list):
        return [part for part in value if isinstance(part, (int, float))]
    return [value] if isinstance(value, (int, float)) else []
