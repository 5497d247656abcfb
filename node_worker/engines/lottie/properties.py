"""Animated properties as the drawing engine reads them: a still value or keyframes, by what the value is."""

from typing import Annotated, Any

import msgspec

from node_worker.engines.lottie.kinds import (
    LARGEST,
    Check,
    Document,
    Mismatch,
    each,
    limited,
    moment,
    number,
    numbers,
    record,
    scalar,
    text,
    typed,
    wanted,
    whole,
)

Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Point = Annotated[list[Number], msgspec.Meta(min_length=2)]

_STEEPEST = 1e15  # of an easing: where values hardly differ, exporters write handles as far away as that


class Bezier(msgspec.Struct):
    """A path: its corners, and each one's handles beside it."""

    i: list[Point] = []
    o: list[Point] = []
    v: list[Point] = []
    c: bool = False


_bezier = typed(Bezier, "a path of points")
_ease = limited(_STEEPEST)
_EASE: dict[str, Check] = {"x": _ease, "y": _ease}


def ease(value: Any) -> None:
    """A keyframe's handle; the engine stops at any other field of it."""
    record(_EASE)(value)
    for key in value:
        if key not in _EASE:
            raise Mismatch("has no meaning here; take it out").below(key)


def _complete(handle: Document, end: int) -> None:
    """Let a handle that says nothing of a direction lie at its end: else the engine takes what lies in memory."""
    for axis in _EASE:
        if handle.get(axis) in (None, []):
            handle[axis] = end


def tangent(value: Any) -> None:
    """A handle of a curved motion."""
    if type(value) is not list or len(value) < 2:
        raise wanted("a list of 2 or more numbers", value)
    numbers(2)(value)


def path(value: Any) -> None:
    """A path, by itself or alone in a list."""
    if type(value) is list:
        if len(value) != 1:
            raise Mismatch(f"should hold one path, not {len(value)}")
        try:
            _bezier(_closed(value[0]))
        except Mismatch as mismatch:
            raise mismatch.below(0) from None
    else:
        _bezier(_closed(value))


def _closed(value: Any) -> Any:
    """Let 0 and 1 say whether a path is closed."""
    if type(value) is dict and type(value.get("c")) in (int, float) and value["c"] in (0, 1):
        value["c"] = bool(value["c"])
    return value


def _key_name(value: Any) -> None:
    """The name under which an easing is kept: a text, or the first of a list of them."""
    for one in value[:1] if type(value) is list else (value,):
        text(one)


def _keyframe(value: Check, *, curved: bool = False) -> Check:
    fields: dict[str, Check] = {"t": moment, "s": value, "e": value, "i": ease, "o": ease, "n": _key_name, "h": whole}
    if curved:
        fields |= {"ti": tangent, "to": tangent}
    known = record(fields)

    def check(frame: Any) -> None:
        known(frame)
        if "i" in frame:
            for side, end in (("i", 1), ("o", 0)):
                _complete(frame.setdefault(side, {}), end)

    return check


def values(value: Check, *, least: int = 1, curved: bool = False) -> Check:
    """What stands in a property's `k`: keyframes, or numbers."""
    keyframe = each(_keyframe(value, curved=curved))
    still = numbers(least)

    def check(k: Any) -> None:
        if type(k) is list:
            (keyframe if k and type(k[0]) is dict else still)(k)
        elif least == 1:
            number(k)
        else:
            raise wanted(f"a list of {least} or more numbers, or of keyframes", k)

    return check


def animated(k: Check, **more: Check) -> Check:
    """An animated property."""
    return record({"k": k, "ix": whole, "x": text, "sid": text, **more})


def _path_values(k: Any) -> None:
    (each(_keyframe(path)) if type(k) is list else path)(k)


K_FLOAT, K_POINT, K_VECTOR, K_COLOUR = (
    values(scalar),
    values(numbers(2), least=2),
    values(numbers(2), least=2, curved=True),
    values(numbers(3), least=3),
)
FLOAT, POINT, VECTOR, COLOUR = animated(K_FLOAT), animated(K_POINT), animated(K_VECTOR), animated(K_COLOUR)
POINT3 = animated(values(numbers(3), least=3))
PATH = animated(_path_values)


def position(value: Any) -> None:
    """A place: one property, or one for each direction, which the engine has to know before it reads them."""
    if type(value) is dict and type(value.get("x")) is dict:
        rest = {key: part for key, part in value.items() if key != "s"}
        value.clear()
        value.update({"s": True, **rest})
        animated(K_VECTOR, x=FLOAT, y=FLOAT)(value)
    else:
        animated(K_VECTOR, y=FLOAT)(value)


def _stops(k: Any) -> None:
    values(numbers(1))(k)


_gradient = record({"p": whole, "k": animated(_stops), "ix": whole, "x": text, "sid": text})


def gradient(value: Any) -> None:
    """Colour stops: four numbers each, then two for each stop of opacity; all keyframes have as many."""
    _gradient(value)
    count, inner = value.get("p", 0), value.get("k")
    k = inner.get("k") if type(inner) is dict else None
    if type(k) is not list or not k:
        return
    if not 0 <= count <= 4096:
        raise Mismatch("should be the number of colour stops, at most 4096").below("p")
    if type(k[0]) is dict:
        _begun(k)
    lists = [end for frame in k for end in _ends(frame)] if type(k[0]) is dict else [k]
    for one in lists:
        if len(one) % 2:
            one.pop()  # an opacity without its value: the engine would take what lies behind the list
    lengths = {len(one) for one in lists}
    if lengths and (len(lengths) > 1 or min(lengths) < 4 * count):
        detail = f"should hold 4 numbers for each of its {count} colours and 2 for each opacity, in every keyframe"
        raise Mismatch(detail).below("k").below("k")
    if type(k[0]) is dict:
        _in_order(k)


def _begun(frames: list[Document]) -> None:
    """Each keyframe has stops, as the engine has none of its own: its own ones, or those at which the one before it ends."""
    ended = None
    for frame in frames:
        if type(frame.get("s")) is not list:
            if type(ended) is not list:
                raise Mismatch("should hold colour stops in every keyframe; one has none under s").below("k").below("k")
            frame["s"] = list(ended)
        ended = frame.get("e")


def _ends(frame: Document) -> list[list[Any]]:
    return [frame[key] for key in ("s", "e") if type(frame.get(key)) is list]


def _in_order(frames: list[Document]) -> None:
    times = [frame.get("t", 0) for frame in frames]
    if times != sorted(times):
        raise Mismatch("should be keyframes in the order of their times").below("k").below("k")
