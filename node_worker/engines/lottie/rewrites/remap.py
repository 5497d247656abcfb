"""Time remapping that stands on the very end of a composition shows its last picture, as a freeze frame is meant."""

from typing import Any

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.schema import PRECOMP
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_NEAR = 1e-3  # frames before the end that count as the end: times are kept as seconds
_BEYOND = 0.05  # frames after the end that still count as it: what exporters round
_INSTANT = 0.005  # frames: what only a keyframe's own moment shows lasts for less than the 0.001 s in which films are counted
_JUST_BEFORE = 0.01  # frames before the end at which its last picture is still drawn


def freeze_frames(document: Document, report: Report) -> None:
    """Let a remapped time that reaches its layer's last frame show the one before it, where nothing is left of the composition there.

    That is the reference player's rule (lottie-web's CompElement). A time that stands on the composition's end in a layer that is
    longer shows nothing, as in the designing program, where designers see it and set the last keyframe a frame earlier.
    """
    del report  # nothing is left that could not be turned
    layers = [layer for layer in all_layers(document) if layer.get("ty") == PRECOMP and isinstance(layer.get("tm"), dict)]
    if not layers:
        return
    rate = number(document.get("fr"))
    ends = {str(asset.get("id")): _end(asset) for asset in objects(document.get("assets"))}
    for layer in layers:
        end = number(layer.get("op"))
        if end >= max(1.0, ends.get(str(layer.get("refId")), 0.0) - _BEYOND):
            _clamp(layer["tm"], end, rate)


def _end(composition: Document) -> float:
    """The frame at which the last layer ends; 0 where there is none."""
    return max((at for layer in objects(composition.get("layers")) if (at := number(layer.get("op"))) > 0), default=0.0)


def _clamp(prop: Document, end: float, rate: float) -> None:
    held = prop.get("k")
    if not (isinstance(held, list) and held and isinstance(held[0], dict)):
        if _at_end(_first(held), end, rate):
            prop["k"] = (end - 1) / rate
        return
    frames = list(objects(held))
    values = _values(frames)
    ending = [_at_end(value, end, rate) for value in values]
    if any(ending):
        prop["k"] = [new for index in range(len(frames)) for new in _split(frames, index, ending, end / rate, rate)]


def _split(frames: list[Document], index: int, ending: list[bool], end: float, rate: float) -> list[Document]:
    """A keyframe, or those that take its place: just before it, at it and just after it, times in frames and values in seconds."""
    frame, at = frames[index], number(frames[index].get("t"))
    if not ending[index]:
        return [frame]
    new: list[Document] = []
    last, just_before = [end - 1 / rate], [end - _JUST_BEFORE / rate]
    before, after = index and frames[index - 1], frames[index + 1] if index + 1 < len(frames) else None
    if before and not ending[index - 1] and not before.get("h") and at - number(before.get("t")) > 2 * _INSTANT:
        if "e" in before:
            before["e"] = just_before
        new.append({"t": at - _INSTANT, "s": just_before, "h": 1})
    moves = after is not None and not ending[index + 1] and not frame.get("h")
    if after is not None and moves and number(after.get("t")) - at > 2 * _INSTANT:
        return [*new, {"t": at, "s": last, "h": 1}, {**frame, "t": at + _INSTANT, "s": just_before}]
    changed = {**frame, "s": last}
    if "e" in frame and after is not None and ending[index + 1]:
        changed["e"] = last
    return [*new, changed]


def _values(frames: list[Document]) -> list[float]:
    """Each keyframe's value: its own, or that at which the one before it ends, as old exporters write the last."""
    values, ended = [], None
    for frame in frames:
        values.append(_first(frame.get("s", ended)))
        ended = frame.get("e")
    return values


def _first(value: object) -> float:
    return number(value[0] if isinstance(value, list) and value else value)


def _at_end(seconds: float, end: float, rate: float) -> bool:
    return end - _NEAR <= seconds * rate <= end + _BEYOND
