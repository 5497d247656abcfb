"""Writes values that were found frame by frame as a property: still, or as few keyframes, with straight lines between, as say the same."""

from typing import Any

import numpy as np
import numpy.typing as npt

Document = dict[str, Any]
Numbers = npt.NDArray[np.float64]

_JUMP = 8.0  # times the steps beside it: a step so much larger is no movement
_REPLACED = ("s", "e", "i", "o", "ti", "to", "x", "sid")  # what a property may have held that its new values do not go with


def write_numbers(prop: Document, times: Numbers, values: Numbers, tolerance: float, *, single: bool) -> None:
    """Give a property numbers: `times` (n) are frames, `values` (n, parts); between keyframes nothing is off by more than `tolerance`.

    A jump is held up to the middle between its frames, so that whoever looks a little beside a frame sees one side of it and no mixture.
    """
    rows: list[Any] = values.tolist()
    if len(values) < 2 or (np.abs(values - values[0]) == 0).all():
        _still(prop, rows[0][0] if single else rows[0])
        return
    kept = _kept(times, values, tolerance)
    jumps = set(np.flatnonzero(_jumps(values)).tolist())
    frames = times.tolist()
    keys: list[Document] = []
    for index in np.flatnonzero(kept).tolist():
        key = {"t": frames[index], "s": rows[index]}
        keys.append(key)
        if index in jumps:
            key["h"] = 1
            keys.append({"t": (frames[index] + frames[index + 1]) / 2, "s": rows[index + 1]})
    _moving(prop, keys)


def write_held(prop: Document, times: list[float], values: list[Any]) -> None:
    """Give a property values that have nothing between them, such as texts: each is held until the next. None stands for the same again."""
    keys: list[Document] = []
    before = 0.0
    for frame, value in zip(times, values, strict=True):
        if value is not None and (not keys or keys[-1]["s"] != value):
            # The moment lies between two frames: whoever looks a little before one, for a rounding, sees what is meant there.
            keys.append({"t": frame if not keys else (before + frame) / 2, "s": value, "h": 1})
        before = frame
    _moving(prop, keys)


def write_paths(prop: Document, times: list[float], values: list[Document]) -> None:
    """Give a property paths: those of as many points move into each other, others are held."""
    if all(value == values[0] for value in values):
        _still(prop, values[0])
        return
    keys: list[Document] = []
    for index, (frame, value) in enumerate(zip(times, values, strict=True)):
        near = values[max(0, index - 1)], values[min(len(values) - 1, index + 1)]
        if value == near[0] == near[1] and 0 < index < len(values) - 1:
            continue
        keys.append({"t": frame, "s": [value]})
        if len(near[1]["v"]) != len(value["v"]) or near[1]["c"] != value["c"]:
            keys[-1]["h"] = 1
            keys.append({"t": (frame + times[index + 1]) / 2, "s": [near[1]]})
    _moving(prop, keys)


def _still(prop: Document, value: Any) -> None:
    for name in _REPLACED:
        prop.pop(name, None)
    prop["a"], prop["k"] = 0, value


def _moving(prop: Document, keys: list[Document]) -> None:
    for name in _REPLACED:
        prop.pop(name, None)
    prop["a"], prop["k"] = 1, keys


def _jumps(values: Numbers) -> npt.NDArray[np.bool_]:
    """Whether each value is followed by a jump (n - 1): a step that is large beside the steps before and after it."""
    steps = np.abs(np.diff(values, axis=0)).max(axis=1)
    if len(steps) < 3:
        return np.zeros(len(steps), np.bool_)
    beside = np.zeros(len(steps))
    beside[1:] = steps[:-1]
    beside[:-1] = np.maximum(beside[:-1], steps[1:])
    size = float(steps.max())
    found: npt.NDArray[np.bool_] = (steps > _JUMP * beside) & (steps > size * 1e-3)
    return found


def _kept(times: Numbers, values: Numbers, tolerance: float) -> npt.NDArray[np.bool_]:
    """Which values are keyframes: the ends, every bend, and along what is nearly straight as many as the tolerance asks for."""
    count = len(values)
    kept = np.ones(count, np.bool_)
    if count < 3:
        return kept
    part = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None]
    off = np.abs(values[1:-1] - (values[:-2] + (values[2:] - values[:-2]) * part)).max(axis=1)
    kept[1:-1] = off > tolerance
    jumps = np.flatnonzero(_jumps(values))
    kept[jumps] = True
    kept[jumps + 1] = True
    anchors = np.flatnonzero(kept)
    for first, last in zip(anchors[:-1].tolist(), anchors[1:].tolist(), strict=True):
        if last - first > 1:
            _along(times, values, first, last, tolerance, kept)
    return kept


def _along(times: Numbers, values: Numbers, first: int, last: int, tolerance: float, kept: npt.NDArray[np.bool_]) -> None:
    """Keep what a straight line between two keyframes would miss: of each stretch the value that is farthest off, until none is."""
    stretches = [(first, last)]
    while stretches:
        low, high = stretches.pop()
        if high - low < 2:
            continue
        part = ((times[low + 1 : high] - times[low]) / (times[high] - times[low]))[:, None]
        off = np.abs(values[low + 1 : high] - (values[low] + (values[high] - values[low]) * part)).max(axis=1)
        worst = int(off.argmax())
        if off[worst] > tolerance:
            middle = low + 1 + worst
            kept[middle] = True
            stretches += [(low, middle), (middle, high)]
