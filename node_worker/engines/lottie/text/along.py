"""Text on a path: where a place on the line comes to lie, and which way the path goes there.

As lottie-web draws it (TextAnimatorProperty): lengths are measured along the path, beyond the ends of an open path the text goes straight
on, and a closed path is gone round again.
"""

import copy
from typing import Any

import numpy as np

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.text.letters import Lettering
from node_worker.engines.lottie.text.samples import Array, sample
from node_worker.engines.lottie.text.spread import Spread
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
_STEPS = 64  # straight pieces of each curve
_MOST_CORNERS = 2000  # of a path, so that measuring it at every moment stays quick
_PATH = "flatrender:path"  # the path itself, in a text's options
OPTIONS = ("a", "f", "l", "p", "r")  # force alignment, first and last margin, perpendicular, reversed


def keep_paths(document: Document) -> None:
    """Note with each text the mask that it follows, before masks are turned into something else."""
    for layer in all_layers(document):
        text = layer.get("t")
        options = text.get("p") if isinstance(text, dict) else None
        index = options.get("m") if isinstance(options, dict) else None
        masks = list(objects(layer.get("masksProperties")))
        if isinstance(options, dict) and isinstance(index, (int, float)) and not isinstance(index, bool) and 0 <= index < len(masks):
            options[_PATH] = copy.deepcopy(masks[int(index)].get("pt"))


def path_of(options: Document) -> Document | None:
    """The path that a text follows; None if there is none, or one that cannot be followed."""
    found = options.get(_PATH)
    corners = {len(path["v"]) for path in _paths(found)}
    same = len(corners) == 1 and 1 < min(corners) <= _MOST_CORNERS
    return found if isinstance(found, dict) and same else None


def follow(found: Spread, lettering: Lettering, options: Document, path: Document, times: Array) -> tuple[Array, Array]:
    """Each letter's place (pairs) and the path's turn there in degrees, by moments and letters."""
    margin, last, force = (sample(options.get(name), times, (0.0,))[:, 0] for name in ("f", "l", "a"))
    upright = sample(options.get("p"), times, (1.0,))[:, 0] != 0
    backwards = sample(options.get("r"), times, (0.0,))[:, 0] != 0
    shapes = np.broadcast_to(_sampled(path, times), (len(times), 3, *_sampled(path, times[:1]).shape[2:]))
    closed = any(one.get("c") for one in _paths(path))
    along = _along(found, lettering)
    line = np.array([letter.line for letter in lettering.letters])
    widths = np.array(lettering.lines)
    places, turns = np.empty((*along.shape, 2)), np.empty(along.shape)
    measured: dict[bytes, tuple[Array, Array]] = {}
    for moment in range(len(times)):
        key = shapes[moment].tobytes() + bytes([bool(backwards[moment])])
        if key not in measured:
            measured[key] = _measure(shapes[moment], closed=closed, backwards=bool(backwards[moment]))
        points, lengths = measured[key]
        start = margin[moment] + (lengths[-1] - widths[line]) * lettering.anchor
        at = _forced(lettering, lengths[-1], margin[moment], last[moment]) if force[moment] else start + along[moment]
        places[moment], turns[moment] = _at(points, lengths, at, closed=closed)
        if not upright[moment]:
            turns[moment] = 0.0
    return places, np.unwrap(turns, period=360, axis=0) if upright.all() else turns


def _along(found: Spread, lettering: Lettering) -> Array:
    """How far along its line each letter's anchor lies, moved by what animators move it sideways."""
    own = np.array([letter.left for letter in lettering.letters])
    sideways = found.anchor[:, :, 0] + found.place[:, :, 0]
    return np.asarray(own + sideways + tracked(found.tracking, lettering, 0.0))


def tracked(tracking: Array, lettering: Lettering, anchor: float) -> Array:
    """How far each letter is moved by the letters' tracking: all but the line's first one add to the line, which grows from its anchor."""
    result = np.zeros_like(tracking)
    if not tracking.any():
        return result
    order = sorted(range(len(lettering.letters)), key=lambda one: (lettering.letters[one].line, lettering.letters[one].left))
    for line in range(len(lettering.lines)):
        members = [index for index in order if lettering.letters[index].line == line]
        if members:
            added = tracking[:, members].copy()
            added[:, 0] = 0.0
            grown = np.cumsum(added, axis=1)
            result[:, members] = grown - anchor * grown[:, -1:]
    return result


def _forced(lettering: Lettering, length: float, margin: float, last: float) -> Array:
    """Letters at even distances from the path's one margin to the other."""
    letters = lettering.letters
    first, end = letters[0].width / 2, letters[-1].width / 2
    share = np.arange(len(letters)) / max(1, len(letters) - 1)
    return np.asarray(margin + first + (length - margin + last - first - end) * share)


def _paths(prop: object) -> list[Document]:
    """The path at each keyframe, or the still one; of those that are none, nothing."""
    frames = sampling.keyframes(prop)
    found = [sampling.path(prop, float(frame["t"])) for frame in frames] if frames else [sampling.path(prop, 0.0)]
    return [one for one in found if one is not None]


def _sampled(prop: Document, times: Array) -> Array:
    """The path's corners and the handles before and behind them, by moments: (moments, 3, corners, 2)."""
    if not sampling.is_animated(prop):
        times = times[:1]
    found: list[Document] = []
    last = _paths(prop)[0]
    for time in times.tolist():
        path = sampling.path(prop, time)
        last = path if path is not None and len(path["v"]) == len(last["v"]) else last  # where there is none, the one before stays
        found.append(last)
    return np.array([[one[side] for side in "vio"] for one in found])


def _measure(shape: Array, *, closed: bool, backwards: bool) -> tuple[Array, Array]:
    """A path as straight pieces: its points, and the length up to each."""
    corners, into, out = shape
    if backwards:
        corners, into, out = corners[::-1], out[::-1], into[::-1]
    if closed:
        corners, into, out = (np.concatenate([side, side[:1]]) for side in (corners, into, out))
    t = np.linspace(0, 1, _STEPS + 1)[np.newaxis, :, np.newaxis]
    start, end = corners[:-1, np.newaxis], corners[1:, np.newaxis]
    first, second = start + out[:-1, np.newaxis], end + into[1:, np.newaxis]
    curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * end
    points = np.concatenate([curve[:, :-1].reshape(-1, 2), curve[-1, -1:]])
    pieces = np.hypot(*np.diff(points, axis=0).T)
    kept = np.concatenate([[True], pieces > 0])
    return points[kept], np.concatenate([[0.0], np.cumsum(pieces[pieces > 0])])


def _at(points: Array, lengths: Array, at: Array, *, closed: bool) -> tuple[Array, Array]:
    """The places at lengths along a path, and the directions there in degrees."""
    if len(points) < 2:
        return np.tile(points[0], (len(at), 1)), np.zeros(len(at))
    if closed:
        at = at % lengths[-1]
    piece = np.clip(np.searchsorted(lengths, at, side="right") - 1, 0, len(points) - 2)
    step = points[piece + 1] - points[piece]
    share = (at - lengths[piece]) / (lengths[piece + 1] - lengths[piece])
    return points[piece] + step * share[:, np.newaxis], np.degrees(np.arctan2(step[:, 1], step[:, 0]))
