"""Straightens ways that the engine goes at another speed: curves, and directions that are eased each in its own way.

A curved way is gone at even speed along its length, which the engine only nears; and it eases all directions as the first one.
"""

from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import Budget, frames_between, kind_of, name_of, shape_lists
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_MOST_KEYS = 300_000  # keyframes of a document
_CURVE = 8  # keyframes: as many cost as much time as a curve
_OF_TRANSFORM = ("p", "a", "s")
_OF_SHAPE = {"rc": ("s", "p"), "el": ("s", "p"), "sr": ("p",), "tr": _OF_TRANSFORM, "gf": ("s", "e"), "gs": ("s", "e")}


def motion(document: Document, report: Report) -> None:
    """Sample each way that the engine would go otherwise, frame by frame."""
    budget = Budget(_MOST_KEYS)
    for layer in all_layers(document):
        done = [_straighten(prop, budget) for prop in _moving(layer)]
        if not all(done):
            detail = "A layer has more curved motion than can be drawn at even speed; use fewer keyframes."
            report("motion.curve", detail, name_of(layer))


def _moving(layer: Document) -> list[Any]:
    """The properties of a layer that are places or sizes."""
    ks = layer.get("ks")
    found = [ks.get(name) for name in _OF_TRANSFORM] if isinstance(ks, dict) else []
    for items in shape_lists(layer.get("shapes")):
        for item in items:
            if isinstance(item, dict):
                held = item.get("tr") if kind_of(item) == "rp" else item
                kind = "tr" if kind_of(item) == "rp" else kind_of(item)
                if isinstance(held, dict) and isinstance(kind, str):
                    found += [held.get(name) for name in _OF_SHAPE.get(kind, ())]
    return found


def _straighten(prop: Any, budget: Budget) -> bool:
    """Rewrite a property's keyframes where it is needed; False if there is no room for them."""
    frames = sampling.keyframes(prop)
    if not any("to" in frame or "ti" in frame or _differs(frame) for frame in frames):
        return True
    written: list[Document] = []
    for index, frame in enumerate(frames):
        start, end = (sampling.plain(held) for held in (sampling.start_of(frames, index), sampling.end_of(frames, index)))
        goes = index + 1 < len(frames) and frame.get("h") != 1 and bool(start) and bool(end)
        way = sampling.curve_of(frame, start, end) if goes else None
        if not goes or (way is None and not (_differs(frame) and start[1:2] != end[1:2])):
            kept = {key: part for key, part in frame.items() if key not in ("to", "ti")}
            # An old exporter's keyframe may stand where the one before it ended, which is no longer written there.
            written.append(kept if sampling.plain(kept.get("s")) or not start else {**kept, "s": [*start]})
            continue
        times = frames_between(float(frame["t"]), float(frames[index + 1]["t"]))[:-1]
        if not budget.take(len(times) + _CURVE):
            return False
        for time in times:
            passed = sampling.progress(frames, index, time)
            written.append({"t": time, "s": [round(part, 4) for part in sampling.between(frame, start, end, passed, way)]})
    prop["k"] = written
    return True


def _differs(frame: Document) -> bool:
    """Whether the first two directions are eased differently."""
    for side in ("i", "o"):
        handle = frame.get(side)
        if isinstance(handle, dict):
            for axis in ("x", "y"):
                held = handle.get(axis)
                if isinstance(held, list) and len(held) > 1 and held[0] != held[1]:
                    return True
    return False
