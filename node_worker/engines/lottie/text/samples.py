"""Values of animated properties at many moments at once, as arrays."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node_worker.engines.lottie import sampling

Document = dict[str, Any]
Array = NDArray[np.float64]

_HALVINGS = 32  # of the curve's parameter, until it is as exact as a picture needs


def moments(props: Iterable[object], start: float, end: float, step: float = 1.0) -> Array:
    """The frames at which to look: the properties' keyframes, every whole frame between them, and the moments just before jumps.

    Only those between `start` and `end` count, and these themselves where something goes on there; without keyframes it is `start` alone.
    `step` is the distance between moments, in frames, where every whole one is not enough.
    """
    found: set[float] = set()
    for prop in props:
        frames = [(float(frame["t"]), frame.get("h")) for frame in sampling.keyframes(prop)]
        found.update(time for time, _ in frames)
        found.update(
            time - sampling.JUST_BEFORE for (before, hold), (time, _) in pairwise(frames) if hold and time - before > sampling.JUST_BEFORE
        )
    if not found:
        return np.array([start])
    first, last = max(start, min(found)), min(end, max(found))
    if not first < last:
        return np.array([min(max(start, min(found)), end)])
    whole = np.arange(math.ceil(first / step), math.floor(last / step) + 1) * step
    return np.unique(np.concatenate([whole, [first, last], [time for time in found if first <= time <= last]]))


def sample(prop: object, times: Array, default: tuple[float, ...]) -> Array:
    """A property's values, an array of moments by numbers; `default` stands for what is not there."""
    if not sampling.is_animated(prop):
        return np.tile(_padded(sampling.numbers(prop, 0.0, default), default), (len(times), 1))
    return np.array([_padded(sampling.numbers(prop, time, default), default) for time in times.tolist()])


def _padded(found: list[float], default: tuple[float, ...]) -> list[float]:
    return [*found[: len(default)], *default[len(found) :]]


def bezier(part: Array, x1: float, y1: float, x2: float, y2: float) -> Array:
    """The height of the easing from (0, 0) to (1, 1) with two handles, at the horizontal places `part` from 0 to 1."""
    if (x1, x2) == (y1, y2):
        return part
    x1, x2 = min(max(x1, 0.0), 1.0), min(max(x2, 0.0), 1.0)
    low, high = np.zeros_like(part), np.ones_like(part)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = _cubic(middle, x1, x2) < part
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(part <= 0, 0.0, np.where(part >= 1, 1.0, _cubic((low + high) / 2, y1, y2)))


def _cubic(t: Array, first: float, second: float) -> Array:
    return np.asarray(3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3)
