"""Writes letters as groups of shapes: a letter's paths, its stroke and fill, and how it lies over time."""

from typing import Any

import numpy as np

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.keyed import write_numbers
from node_worker.engines.lottie.text.letters import Letter
from node_worker.engines.lottie.text.samples import Array
from node_worker.engines.lottie.text.spread import Spread

Document = dict[str, Any]
_CLOSE, _CLOSE_COLOUR = 0.02, 1e-3  # pixels, degrees and per cent; parts of a colour: how far a moment may be off
_DIGITS = 4
_STEEPEST = 85.0  # degrees of a skew; nearer to 90 a letter is a line without end
_BUTT, _ROUND, _MITER = 1, 2, 4  # the ends, corners and limit of letters' strokes, as lottie-web draws them
_NON_ZERO = 1  # a fill's rule


def letter_group(text: Document, letter: Letter, found: Spread, place: Array, turn: Array, index: int, times: Array) -> Document:
    """One letter's group; `place` is where its anchor lies and `turn` how it is turned, by moments."""
    transform = {
        "ty": "tr",
        "p": keyed(place, times),
        "a": keyed(found.anchor[:, index], times),
        "s": keyed(found.scale[:, index] * 100, times),
        "r": keyed(turn[:, np.newaxis], times),
        "o": keyed(np.clip(found.opacity[:, index], 0, 1)[:, np.newaxis] * 100, times),
    }
    if found.skew[:, index].any():
        transform |= {
            "sk": keyed(np.clip(found.skew[:, index, np.newaxis], -_STEEPEST, _STEEPEST), times),
            "sa": keyed(found.axis[:, index, np.newaxis], times),
        }
    paints = [paint for paint in (_stroke(text, found, index, times), _fill(text, found, index, times)) if paint]
    if text.get("of") is False:
        paints.reverse()
    return {"ty": "gr", "it": [*letter.paths, *paints, transform]}


def shown_between(parts: list[list[Document]], starts: list[float]) -> list[Document]:
    """The groups of texts that follow each other, each shown from its start to the next one's."""
    if len(parts) == 1:
        return parts[0]
    groups = []
    for index, part in enumerate(parts):
        keys = [{"t": starts[index], "s": [100], "h": 1}]
        if index:
            keys.insert(0, {"t": starts[0] - 1, "s": [0], "h": 1})
        if index + 1 < len(starts):
            keys.append({"t": starts[index + 1], "s": [0], "h": 1})
        still = {"p": [0, 0], "a": [0, 0], "s": [100, 100], "r": 0}
        transform = {"ty": "tr", **{name: {"a": 0, "k": value} for name, value in still.items()}, "o": {"a": 1, "k": keys}}
        if part:
            groups.append({"ty": "gr", "it": [*part, transform]})
    return groups


def keyed(values: Array, times: Array, tolerance: float = _CLOSE) -> Document:
    """A property of the values, moments by numbers."""
    prop: Document = {}
    write_numbers(prop, times, np.round(values, _DIGITS), tolerance, single=values.shape[1] == 1)
    return prop


def _fill(text: Document, found: Spread, index: int, times: Array) -> Document | None:
    colour = _colour(text.get("fc"), found.fill, index, times)
    return {"ty": "fl", "c": colour, "o": _opacity(found.fill_opacity, index, times), "r": _NON_ZERO} if colour else None


def _stroke(text: Document, found: Spread, index: int, times: Array) -> Document | None:
    width = found.stroke_width
    own = number(text.get("sw"))
    colour = _colour(text.get("sc"), found.stroke, index, times)
    if colour is None or (width is None and not own > 0):
        return None
    lines = {"a": 0, "k": own} if width is None else keyed(np.maximum(0.0, width[:, index])[:, np.newaxis], times)
    opacity = _opacity(found.stroke_opacity, index, times)
    return {"ty": "st", "c": colour, "o": opacity, "w": lines, "lc": _BUTT, "lj": _ROUND, "ml": _MITER}


def _colour(own: object, changed: Array | None, index: int, times: Array) -> Document | None:
    """A paint's colour; None if the text has no such paint, by itself or by an animator."""
    if changed is not None:
        return keyed(np.clip(changed[:, index], 0, 1), times, _CLOSE_COLOUR)
    parts = [number(part) for part in own[:3]] if isinstance(own, list) else []
    if len(parts) < 3 or any(part != part for part in parts):
        return None
    return {"a": 0, "k": [min(max(part, 0.0), 1.0) for part in parts]}


def _opacity(changed: Array | None, index: int, times: Array) -> Document:
    if changed is None:
        return {"a": 0, "k": 100}
    return keyed(np.clip(changed[:, index], 0, 1)[:, np.newaxis] * 100, times)
