"""Turns layers along their way: the engine knows no way of separate directions, and turns back where a layer stands."""

import math
from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import Budget, cost_of, frames_between, linear, name_of, span_of
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_MOST_KEYS = 100_000  # keyframes of a document
_STEP = 0.01  # frames between the two places whose line gives the direction


def orientation(document: Document, report: Report) -> None:
    """Write the direction of the way into the rotation of each layer that turns along it."""
    budget = Budget(_MOST_KEYS)
    for layer in all_layers(document):
        if layer.get("ao") and isinstance(layer.get("ks"), dict):
            layer["ao"] = 0
            if not _turn(layer, budget):
                report("layer.auto_orient", "A layer turns along more ways than can be followed, so it does not turn.", name_of(layer))


def _turn(layer: Document, budget: Budget) -> bool:
    ks = layer["ks"]
    name = "rz" if layer.get("ddd") and "rz" in ks else "r"
    place, own = ks.get("p"), ks.get(name)
    moved, turned = span_of((place,)), span_of((place, own))
    if moved is None or turned is None:
        return True
    first, last = turned
    begin, end = number(layer.get("ip")), number(layer.get("op"))
    first, last = max(first, begin) if begin <= last else first, min(last, end) if end >= first else last
    frames = frames_between(first, max(first, last), [*sampling.key_times(place), *sampling.key_times(own)], most=10_000)
    if not budget.take(cost_of(frames, (place, own))):
        return False
    angle = 0.0
    turns: list[tuple[float, list[Any]]] = []
    for frame in frames:
        found = _direction(place, moved, frame)
        if found is not None:
            angle += (found - angle + 180) % 360 - 180  # the nearer way round
        turns.append((frame, [round(angle + sampling.value(own, frame), 4)]))
    ks[name] = linear(turns)
    return True


def _direction(place: Any, moved: tuple[float, float], frame: float) -> float | None:
    """Degrees of the way at a frame; None where the layer stands."""
    frame = min(max(frame, moved[0] + _STEP), moved[1])
    (x0, y0), (x1, y1) = sampling.place(place, frame - _STEP), sampling.place(place, frame)
    return math.degrees(math.atan2(y1 - y0, x1 - x0)) if (x0, y0) != (x1, y1) else None
