"""The value of an animated property at a frame: keyframes, their easing, holds, curved motion at even speed.

Properties are read as the Lottie format has them: `k` is a still value or a list of keyframes with their frame `t`, value `s`, in
older documents end value `e`, easing handles `o` (out of this one) and `i` (into the next), `h` for a hold, and for places the
tangents `to` and `ti`. Odd types are read as the default, never refused.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from node_worker.engines.lottie.guard import number, objects

Document = dict[str, Any]
JUST_BEFORE = 1e-3  # frames before a jump at which the value that it leaves still stands
_STEPS = 150  # chords by which a curve's length is measured, as the reference player does
_T = np.arange(_STEPS + 1) / _STEPS
_U = 1 - _T
_SHARES = (_U * _U * _U, 3 * _U * _U * _T, 3 * _U * _T * _T, _T * _T * _T)  # of a curve's four points, after each chord


def keyframes(prop: object) -> list[Document]:
    """A property's keyframes in the order of their frames; an empty list if it is still."""
    k = prop.get("k") if isinstance(prop, dict) else None
    if not isinstance(k, list) or not k or not isinstance(k[0], dict):
        return []
    frames = [frame for frame in objects(k) if not math.isnan(number(frame.get("t")))]
    if any(one["t"] > other["t"] for one, other in itertools.pairwise(frames)):
        frames.sort(key=lambda frame: float(frame["t"]))
    return frames


def is_animated(prop: object) -> bool:
    """Whether a property, or one of a place's directions, has keyframes."""
    if isinstance(prop, dict) and any(isinstance(prop.get(axis), dict) for axis in ("x", "y")):
        return any(is_animated(prop.get(axis)) for axis in ("x", "y"))
    return bool(keyframes(prop))


def key_times(prop: object) -> list[float]:
    """The frames of all keyframes of a property, and the moments just before holds end: between them it goes without jumps."""
    if isinstance(prop, dict) and any(isinstance(prop.get(axis), dict) for axis in ("x", "y")):
        return [time for axis in ("x", "y") for time in key_times(prop.get(axis))]
    frames = keyframes(prop)
    ends = [float(other["t"]) - JUST_BEFORE for one, other in itertools.pairwise(frames) if one.get("h") == 1]
    return [*(float(frame["t"]) for frame in frames), *ends]


def numbers(prop: object, frame: float, default: Sequence[float] = (0.0,)) -> list[float]:
    """A property's numbers at a frame; `default` where it has none."""
    frames = keyframes(prop)
    if not frames:
        k = prop.get("k") if isinstance(prop, dict) else prop
        return plain(k) or list(default)
    index, passed = _place(frames, frame)
    start, end = plain(start_of(frames, index)), plain(end_of(frames, index))
    if passed is None or not end:
        return start or list(default)
    if not start:
        return end
    return between(frames[index], start, end, passed, curve_of(frames[index], start, end))


def between(frame: Document, start: Sequence[float], end: Sequence[float], passed: float, way: "Curve | None") -> list[float]:
    """The numbers between a keyframe's start and end when a part of its time is over, along a curve where there is one."""
    if way is not None:
        return [*way.at(eased(frame, passed, 0)), *_mixed(frame, start[2:], end[2:], passed, 2)]
    return _mixed(frame, start, end, passed, 0)


def value(prop: object, frame: float, default: float = 0.0) -> float:
    """A property's first number at a frame."""
    return numbers(prop, frame, (default,))[0]


def place(prop: object, frame: float) -> tuple[float, float]:
    """Where a place lies at a frame, whether its directions are one property or two."""
    if isinstance(prop, dict) and any(isinstance(prop.get(axis), dict) for axis in ("x", "y")):
        return value(prop.get("x"), frame), value(prop.get("y"), frame)
    x, y, *_ = (*numbers(prop, frame, (0.0, 0.0)), 0.0, 0.0)
    return x, y


def path(prop: object, frame: float) -> Document | None:
    """A path at a frame, `{"v", "i", "o", "c"}` with handles beside their corners; None where there is none."""
    frames = keyframes(prop)
    if not frames:
        return _path(prop.get("k") if isinstance(prop, dict) else None)
    index, passed = _place(frames, frame)
    start, end = _path(start_of(frames, index)), _path(end_of(frames, index))
    if passed is None or start is None or end is None or len(start["v"]) != len(end["v"]):
        return start or end
    part = eased(frames[index], passed, 0)
    mixed = {side: [_between(one, other, part) for one, other in zip(start[side], end[side], strict=True)] for side in ("v", "i", "o")}
    return {**mixed, "c": start["c"]}


def start_of(frames: list[Document], index: int) -> object:
    """The value with which a keyframe begins: its own, else the end of the one before."""
    own = frames[index].get("s")
    return own if own is not None or not index else frames[index - 1].get("e")


def end_of(frames: list[Document], index: int) -> object:
    """The value at which a keyframe ends: that of the next one, else its own end."""
    following = frames[index + 1].get("s") if index + 1 < len(frames) else None
    return following if following is not None else frames[index].get("e")


def eased(frame: Document, progress: float, axis: int) -> float:
    """How far a value has come when a part of the time between two keyframes is over; handles may differ by axis."""
    if frame.get("h") == 1:
        return 0.0
    out, into = frame.get("o"), frame.get("i")
    if not isinstance(out, dict) or not isinstance(into, dict):
        return progress
    x1, y1, x2, y2 = (_of_axis(handle.get(name), axis, end) for handle, end in ((out, 0.0), (into, 1.0)) for name in ("x", "y"))
    return progress if x1 == y1 and x2 == y2 else _bezier(min(max(x1, 0.0), 1.0), y1, min(max(x2, 0.0), 1.0), y2, progress)


class Curve:
    """A curved way between two places, walked at even speed."""

    def __init__(self, start: Sequence[float], out: Sequence[float], into: Sequence[float], end: Sequence[float]) -> None:
        """All four are places: the ends and the handles."""
        self._points = tuple((float(one[0]), float(one[1])) for one in (start, out, into, end))
        # Products and sums alone, and in a fixed order, so that every processor comes to the same.
        x, y = (_SHARES[0] * a + _SHARES[1] * b + _SHARES[2] * c + _SHARES[3] * d for a, b, c, d in zip(*self._points, strict=True))
        dx, dy = x[1:] - x[:-1], y[1:] - y[:-1]
        self._chords: list[float] = [0.0, *np.add.accumulate(np.sqrt(dx * dx + dy * dy)).tolist()]

    @property
    def length(self) -> float:
        """In pixels."""
        return self._chords[-1]

    def at(self, part: float) -> tuple[float, float]:
        """The place after a part of the length; beyond the ends it stays on the curve's end."""
        wanted = part * self.length
        if wanted <= 0 or wanted >= self.length:
            return self._points[0] if wanted <= 0 else self._points[3]
        step = bisect_right(self._chords, wanted) - 1
        chord = self._chords[step + 1] - self._chords[step]
        within = (wanted - self._chords[step]) / chord if chord else 0.0
        return self._point((step + within) / _STEPS)

    def _point(self, t: float) -> tuple[float, float]:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self._points
        u = 1 - t
        a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
        return a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy


def progress(frames: list[Document], index: int, frame: float) -> float:
    """How far, from 0 to 1 in time, a frame lies between a keyframe and the next."""
    begin, end = float(frames[index]["t"]), float(frames[index + 1]["t"])
    return (frame - begin) / (end - begin) if end > begin else 0.0


def curve_of(frame: Document, start: Sequence[float], end: Sequence[float]) -> Curve | None:
    """The way that a place takes to the next keyframe; None if it is straight."""
    out, into = plain(frame.get("to")), plain(frame.get("ti"))
    if len(start) < 2 or len(end) < 2 or len(out) < 2 or len(into) < 2:
        return None
    way = (end[0] - start[0], end[1] - start[1])
    if all(_along(way, handle) for handle in (out, (-into[0], -into[1]))):
        return None
    return Curve(start, (start[0] + out[0], start[1] + out[1]), (end[0] + into[0], end[1] + into[1]), end)


def _along(way: tuple[float, float], handle: Sequence[float]) -> bool:
    """Whether a handle lies on the straight way, so that the curve is that way."""
    across = way[0] * handle[1] - way[1] * handle[0]
    forward = way[0] * handle[0] + way[1] * handle[1]
    length = math.hypot(*way)
    if not length:
        return not any(handle[:2])
    return abs(across) <= 1e-6 * length * max(1.0, math.hypot(*handle[:2])) and -1e-9 <= forward <= length * length * (1 + 1e-9)


def _place(frames: list[Document], frame: float) -> tuple[int, float | None]:
    """Which keyframe holds at a frame, and how much of the time to the next is over; None where nothing moves."""
    index = bisect_right(frames, frame, key=lambda one: float(one["t"])) - 1
    if index < 0:
        return 0, None
    if index + 1 >= len(frames):
        # An old document's last keyframe has no value: the end of the one before holds on.
        return index, None
    if frames[index].get("h") == 1:
        return index, None
    return index, progress(frames, index, frame)


def _mixed(frame: Document, start: Sequence[float], end: Sequence[float], progress: float, axis: int) -> list[float]:
    return [one + (other - one) * eased(frame, progress, axis + n) for n, (one, other) in enumerate(zip(start, end, strict=False))]


def _between(one: Sequence[float], other: Sequence[float], part: float) -> list[float]:
    return [a + (b - a) * part for a, b in zip(one[:2], other[:2], strict=True)]


def plain(held: object) -> list[float]:
    """The finite numbers of a value; a single number is a list of one."""
    if isinstance(held, list):
        found = [number(part) for part in held]
        return [] if any(map(math.isnan, found)) else found
    single = number(held)
    return [] if math.isnan(single) else [single]


def _path(held: object) -> Document | None:
    """A path whose lists fit each other, with points of two numbers; a path may stand alone in a list."""
    one = held[0] if isinstance(held, list) and held else held
    if not isinstance(one, dict):
        return None
    sides = {side: [plain(point)[:2] for point in _points(one.get(side))] for side in ("v", "i", "o")}
    count = len(sides["v"])
    if not count or any(len(points) != count or any(len(point) < 2 for point in points) for points in sides.values()):
        return None
    return {**sides, "c": bool(one.get("c"))}


def _points(held: object) -> list[Any]:
    return held if isinstance(held, list) else []


def _of_axis(held: object, axis: int, default: float) -> float:
    found = plain(held)
    return found[min(axis, len(found) - 1)] if found else default


def _bezier(x1: float, y1: float, x2: float, y2: float, x: float) -> float:
    """The height of an easing curve over `x`, both from 0 to 1: Newton's method, halving where it leaves the bounds."""
    low, high, t = 0.0, 1.0, x
    for _ in range(64):
        error = _along_axis(x1, x2, t) - x
        if abs(error) < 1e-9:
            break
        low, high = (low, t) if error > 0 else (t, high)
        slope = 3 * (1 - t) * (1 - t) * x1 + 6 * (1 - t) * t * (x2 - x1) + 3 * t * t * (1 - x2)
        t = t - error / slope if slope > 1e-9 else (low + high) / 2
        if not low < t < high:
            t = (low + high) / 2
    return _along_axis(y1, y2, t)


def _along_axis(one: float, other: float, t: float) -> float:
    u = 1 - t
    return 3 * u * u * t * one + 3 * u * t * t * other + t * t * t
