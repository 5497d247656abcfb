"""Draws texts whose letters move one by one, or stand along a path: each letter becomes a group of shapes with its own keyframes.

The engine's own text animators know selectors by characters alone, and its texts on a path pile up; so a text layer with either is
turned into a layer of shapes, which the engine draws as they are. Texts without stay texts.
"""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import SHAPE
from node_worker.engines.lottie.text.along import OPTIONS, follow, path_of, tracked
from node_worker.engines.lottie.text.letters import Letter, Lettering
from node_worker.engines.lottie.text.samples import Array, moments
from node_worker.engines.lottie.text.selectors import is_known, is_sharp, selectors_of
from node_worker.engines.lottie.text.spread import Spread, animated_of, spread, style_of
from node_worker.engines.lottie.text.written import letter_group, shown_between

Document = dict[str, Any]
_FINE = 1 / 8  # of a frame: between moments where letters jump, so that a film of another rate shows no fading
_MOST_LETTERS = 3000  # of one layer
_MOST_VALUES = 60_000  # of one layer, letters times moments; where there would be more, moments are left out
_MOST_OF_ALL = 400_000  # of a scene

_DETAILS = {
    "text.animator_selector": "A text animator's wiggly selector is not drawn: it changes all letters alike. Use a range.",
    "text.animator_blur": "A text animator blurs letters, which is not drawn; blur the whole layer by an effect instead.",
    "text.random_order": "A text animator's random order is the same in every render, but not that of other programs.",
    "text.path": "The text follows a path that is missing, or has not as many points in every keyframe; it is drawn straight.",
    "text.animator_heavy": "The scene has too many animated letters: of this text's animators only ranges by characters are drawn.",
}


class Moving(msgspec.Struct):
    """What moves a text layer's letters."""

    animators: list[Document]
    grouping: Document
    options: Document  # of a text on a path
    path: Document | None

    @property
    def properties(self) -> list[object]:
        """All that may change over time, apart from the text."""
        return [*animated_of(self.animators, self.grouping), *(self.options.get(name) for name in OPTIONS), self.path]


class Animators:
    """Turns one scene's animated texts into shapes, within bounds."""

    def __init__(self, report: Callable[[str, str, str], None], show: Callable[[Document, float, int, Letter, Document], None]) -> None:
        """`report` takes a warning's code, its detail and the layer's name.

        `show` takes a letter that is a picture: its layer, the size of an em, the text document's place among the layer's, the letter and
        its transform.
        """
        self._report, self._show = report, show
        self._values = 0

    def moving(self, layer: Document) -> Moving | None:
        """What moves the letters of a text layer; None if nothing does. What cannot be drawn is reported."""
        text = layer["t"]
        animators = [animator for animator in objects(text.get("a")) if style_of(animator)]
        held, grouping = text.get("p"), text.get("m")
        options = held if isinstance(held, dict) and "m" in held else {}
        name = str(layer.get("nm", ""))
        path = path_of(options)
        if options and path is None:
            self._tell("text.path", name)
        text["a"], text["p"] = animators, options if path else {}
        if not animators and path is None:
            return None
        selectors = [selector for animator in animators for selector in selectors_of(animator)]
        if not all(map(is_known, selectors)):
            self._tell("text.animator_selector", name)
        if any(selector.get("rn") in (1, True) for selector in selectors):
            self._tell("text.random_order", name)
        if any("bl" in style_of(animator) for animator in animators):
            self._tell("text.animator_blur", name)
        return Moving(animators, grouping if isinstance(grouping, dict) else {}, options, path)

    def draw(self, layer: Document, moving: Moving, texts: list[tuple[float, Document, Lettering]], seed: str) -> bool:
        """Turn a layer into shapes; `texts` are its text documents with the frames from which they hold. False if that is too much."""
        parts, pictures = [], []
        for index, (time, text, lettering) in enumerate(texts):
            start, end = time if index else -math.inf, texts[index + 1][0] if index + 1 < len(texts) else math.inf
            times = self._times(layer, moving, start, end, len(lettering.letters))
            if times is None:
                self._tell("text.animator_heavy", str(layer.get("nm", "")))
                _leave(moving.animators)
                return False
            groups = _groups(text, lettering, moving, times, seed) if lettering.letters else []
            parts.append([group for letter, group in groups if letter.paths])
            pictures += [(lettering.size, index, letter, group["it"][-1]) for letter, group in groups if letter.pictures]
        for size, index, letter, transform in pictures:
            self._show(layer, size, index, letter, transform)
        layer["shapes"] = shown_between(parts, [time for time, _, _ in texts])
        layer["ty"] = SHAPE
        return True

    def _times(self, layer: Document, moving: Moving, start: float, end: float, letters: int) -> Array | None:
        """The moments at which to look while a text holds; None if there is no room for them."""
        first, last = number(layer.get("ip"), 0.0), number(layer.get("op"), 0.0)
        sharp = any(is_sharp(selector) for animator in moving.animators for selector in selectors_of(animator))
        times = moments(moving.properties, max(start, first), max(first, min(end, last)), _FINE if sharp else 1.0)
        most = max(2, _MOST_VALUES // max(1, letters))
        if len(times) > most:
            times = times[np.unique(np.linspace(0, len(times) - 1, most).round().astype(int))]
        self._values += len(times) * letters
        return times if letters <= _MOST_LETTERS and self._values <= _MOST_OF_ALL else None

    def _tell(self, code: str, layer: str) -> None:
        self._report(code, _DETAILS[code], layer)


def _leave(animators: list[Document]) -> None:
    """Take out of animators what ends the engine: a random order is a division by zero there, and of selectors it reads one."""
    for animator in animators:
        selectors = selectors_of(animator)
        animator["s"] = {**selectors[0], "rn": 0} if selectors else {}


def _groups(text: Document, lettering: Lettering, moving: Moving, times: Array, seed: str) -> list[tuple[Letter, Document]]:
    """A text's letters, each with its group, the last one first: what stands first in a list of shapes lies on top."""
    found = spread(text, lettering, moving.animators, moving.grouping, times, seed)
    if moving.path is None:
        place, turn = _on_lines(found, lettering), found.turn
    else:
        place, turn = _on_path(found, lettering, moving, times)
    place[:, :, 1] -= number(text.get("ls"), 0.0)
    groups = [
        (letter, letter_group(text, letter, found, place[:, index], turn[:, index], index, times))
        for index, letter in enumerate(lettering.letters)
        if letter.paths or letter.pictures
    ]
    return groups[::-1]


def _heights(found: Spread, lettering: Lettering) -> Array:
    """How far down each letter's line lies, with what animators add to the leading of the lines up to it."""
    lines = np.array([letter.line for letter in lettering.letters])
    heights = np.tile(lines * lettering.line_height, (len(found.leading), 1))
    if found.leading.any():
        firsts = [int(np.flatnonzero(lines == line)[0]) if (lines == line).any() else -1 for line in range(len(lettering.lines))]
        added = np.zeros((len(found.leading), len(firsts)))
        for line, first in enumerate(firsts):
            if line and first >= 0:
                added[:, line] = found.leading[:, first]
        heights = heights + np.cumsum(added, axis=1)[:, lines]
    return heights


def _on_lines(found: Spread, lettering: Lettering) -> Array:
    """Where each letter's anchor lies in its layer."""
    x, y = lettering.place
    lefts = np.array([x + letter.left - lettering.anchor * lettering.lines[letter.line] for letter in lettering.letters])
    place = np.zeros_like(found.place)
    place[:, :, 0] = lefts + found.grouped[:, :, 0] + found.place[:, :, 0] + tracked(found.tracking, lettering, lettering.anchor)
    place[:, :, 1] = y + _heights(found, lettering) + found.grouped[:, :, 1] + found.place[:, :, 1]
    return place


def _on_path(found: Spread, lettering: Lettering, moving: Moving, times: Array) -> tuple[Array, Array]:
    """Where each letter's anchor lies along the path, and each letter's turn with it."""
    assert moving.path is not None
    place, path_turn = follow(found, lettering, moving.options, moving.path, times)
    across = found.place[:, :, 1] + _heights(found, lettering) + found.grouped[:, :, 1]
    angle = np.radians(path_turn)
    return place + np.stack([-np.sin(angle) * across, np.cos(angle) * across], axis=2), found.turn + path_turn
