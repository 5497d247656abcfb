"""What text animators make of each letter at each moment: its place, turn, scale, colours and opacity.

The order of the steps is that in which lottie-web draws them (TextAnimatorProperty): a letter's anchor, scale, skew and turn, then its
place. An opacity that is reached in part follows its formula too, which is no straight blend.
"""

import colorsys
import functools
from typing import Any

import msgspec
import numpy as np

from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.text.letters import Letter, Lettering
from node_worker.engines.lottie.text.samples import Array, sample
from node_worker.engines.lottie.text.selectors import PROPERTIES, amounts, selectors_of, values_of

Document = dict[str, Any]
_CAPITALS = 1.2 * 0.714  # of the size: the height by which a grouping's anchor is moved up or down, as lottie-web takes it
_WORDS, _LINES, _ALL = 2, 3, 4  # what shares an anchor; any other number means each letter for itself
_COLOUR = (0.0, 0.0, 0.0)
_SHIFTS = (("fh", 0, 360.0), ("fs", 1, 100.0), ("fb", 2, 100.0))  # of a fill's hue, saturation and brightness, and what is a whole of each


class Spread(msgspec.Struct):
    """Values by moments and letters; pairs and colours have a third dimension. None is what no animator changes."""

    grouped: Array  # each letter's anchor by its group
    anchor: Array  # and as animators move it
    scale: Array  # factors
    skew: Array  # degrees
    axis: Array
    turn: Array
    place: Array  # relative to the letter's own, on a line or path
    tracking: Array  # pixels before the letter
    leading: Array  # pixels before the letter's line
    opacity: Array  # 0 to 1
    fill: Array | None = None
    stroke: Array | None = None
    stroke_width: Array | None = None
    fill_opacity: Array | None = None
    stroke_opacity: Array | None = None


def animated_of(animators: list[Document], grouping: object) -> list[object]:
    """The properties that may change over time."""
    found: list[object] = [grouping.get("a")] if isinstance(grouping, dict) else []
    for animator in animators:
        for selector in selectors_of(animator):
            found += [*(selector.get(name) for name in PROPERTIES), *values_of(selector)]
        found += style_of(animator).values()
    return found


def style_of(animator: Document) -> Document:
    """What an animator changes, by name."""
    held = animator.get("a")
    return held if isinstance(held, dict) else {}


def spread(text: Document, lettering: Lettering, animators: list[Document], grouping: Document, times: Array, seed: str) -> Spread:
    """Apply animators one after another to a text's letters."""
    letters = lettering.letters
    shape = len(times), len(letters)
    grouped = _anchors(lettering, grouping, times)
    found = Spread(
        grouped=grouped,
        anchor=grouped.copy(),
        scale=np.ones((*shape, 2)),
        skew=np.zeros(shape),
        axis=np.zeros(shape),
        turn=np.zeros(shape),
        place=np.zeros((*shape, 2)),
        tracking=np.zeros(shape),
        leading=np.zeros(shape),
        opacity=np.ones(shape),
    )
    for index, animator in enumerate(animators):
        style = style_of(animator)
        if style:
            share = amounts(selectors_of(animator), letters, times, f"{seed}.{index}")
            _move(found, style, share, times)
            _paint(found, text, style, share, times)
    return found


def _anchors(lettering: Lettering, grouping: Document, times: Array) -> Array:
    """Each letter's anchor, from its left end on the base line: the middle of what it is grouped with, moved by the alignment."""
    centres, widths = _groups(lettering.letters, number(grouping.get("g")))
    alignment = sample(grouping.get("a"), times, (0.0, 0.0)) / 100
    found = np.empty((len(times), len(centres), 2))
    found[:, :, 0] = centres - [letter.left for letter in lettering.letters] + alignment[:, :1] * widths / 2
    found[:, :, 1] = alignment[:, 1:] * lettering.size * _CAPITALS
    return found


def _groups(letters: list[Letter], kind: float) -> tuple[Array, Array]:
    """The middle and width of each letter's group, along its line."""
    groups: list[list[int]] = []
    for index, letter in enumerate(letters):
        before = letters[index - 1] if index else letter
        same_line = index > 0 and before.line == letter.line
        word = kind == _WORDS and same_line and before.blank == letter.blank
        together = index > 0 and (kind == _ALL or (kind == _LINES and same_line) or word)
        if together:
            groups[-1].append(index)
        else:
            groups.append([index])
    centres, widths = np.zeros(len(letters)), np.zeros(len(letters))
    for group in groups:
        left = min(letters[index].left for index in group)
        right = max(letters[index].left + letters[index].width for index in group)
        centres[group], widths[group] = (left + right) / 2, right - left
    return centres, widths


def _move(found: Spread, style: Document, share: Array, times: Array) -> None:
    def one(name: str, default: float = 0.0) -> Array:
        return sample(style[name], times, (default,))[:, :1]

    def pair(name: str, default: float = 0.0) -> Array:
        return sample(style[name], times, (default, default))[:, np.newaxis, :]

    first, wide = share[:, :, 0], share[:, :, :2]
    if "a" in style:
        found.anchor += pair("a") * wide
    if "s" in style:
        found.scale *= 1 + (pair("s", 100.0) / 100 - 1) * wide
    for name, values, side in (("sk", found.skew, 0), ("sa", found.axis, 1), ("r", found.turn, 2), ("t", found.tracking, 0)):
        if name in style:
            values += one(name) * share[:, :, side]
    if "rx" in style or "ry" in style:
        across, down = (one(name) * share[:, :, n] if name in style else np.zeros_like(first) for n, name in enumerate(("rx", "ry")))
        _tilt(found, np.radians(across), np.radians(down))
    if "ls" in style:
        found.leading += pair("ls")[:, :, 0 if _is_number(style["ls"]) else 1] * first
    if "p" in style:
        found.place += pair("p") * wide
    if "o" in style:
        found.opacity += (one("o", 100.0) / 100 * first - found.opacity) * first


def _tilt(found: Spread, across: Array, down: Array) -> None:
    """Turn letters out of the picture's plane, around the axes across and down, by radians: without a camera they become flatter."""
    plain = not ((across.any() and down.any()) or found.turn.any() or found.skew.any())
    if plain:
        found.scale *= np.stack([np.cos(down), np.cos(across)], axis=2)
        return
    skew = np.stack([np.ones_like(across), -np.tan(np.radians(found.skew)), np.zeros_like(across), np.ones_like(across)])
    axis, turn = np.radians(found.axis), np.radians(found.turn)
    flat = np.stack([np.cos(down), np.zeros_like(down), np.sin(across) * np.sin(down), np.cos(across)])
    width, height = found.scale[:, :, 0], found.scale[:, :, 1]
    scale = np.stack([width, np.zeros_like(width), np.zeros_like(width), height])
    a, b, c, d = functools.reduce(_product, (flat, _turned(turn), _turned(-axis), skew, _turned(axis), scale))
    # Any such matrix is a scale, then a skew, then a turn; a letter seen from behind is as wide as from before, the other way round.
    wide = np.hypot(a, c) * np.where(np.cos(down) * width < 0, -1, 1)
    seen = np.where(wide == 0, 1.0, wide)
    high = (a * d - b * c) / seen
    found.turn, found.axis = np.degrees(np.arctan2(c / seen, a / seen)), np.zeros_like(axis)
    found.skew = np.degrees(np.arctan(-(a * b + c * d) / seen / np.where(high == 0, 1.0, high)))
    found.scale = np.stack([wide, high], axis=2)


def _turned(angle: Array) -> Array:
    return np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)])


def _product(one: Array, other: Array) -> Array:
    """Matrices by their rows' four numbers: the other is applied first."""
    (a, b, c, d), (e, f, g, h) = one, other
    return np.stack([a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h])


def _is_number(prop: object) -> bool:
    """Whether a property's values are single numbers."""
    k = prop.get("k") if isinstance(prop, dict) else prop
    first = next((frame.get("s") for frame in objects(k)), k)
    return not isinstance(first, list) or len(first) < 2


def _paint(found: Spread, text: Document, style: Document, share: Array, times: Array) -> None:
    share = share[:, :, 0]
    wide = share[:, :, np.newaxis]
    for name, attribute in (("fc", "fill"), ("sc", "stroke")):
        if name in style and (name == "sc" or isinstance(text.get("fc"), list)):
            own = _own(found, attribute, text.get(name), share)
            setattr(found, attribute, own + (sample(style[name], times, _COLOUR)[:, np.newaxis, :] - own) * wide)
    for name, place, whole in _SHIFTS:
        if name in style and isinstance(text.get("fc"), list):
            shift = sample(style[name], times, (0.0,))[:, :1] / whole * share
            found.fill = _shifted(_own(found, "fill", text["fc"], share), place, shift)
    if "sw" in style:
        own_width = np.full(share.shape, max(0.0, number(text.get("sw"), 0.0)))
        found.stroke_width = (own_width if found.stroke_width is None else found.stroke_width) + sample(style["sw"], times, (0.0,))[
            :, :1
        ] * share
    for name, attribute in (("fo", "fill_opacity"), ("so", "stroke_opacity")):
        if name in style:
            known = getattr(found, attribute)
            changed = 1 + (sample(style[name], times, (100.0,))[:, :1] / 100 - 1) * share
            setattr(found, attribute, changed if known is None else known * changed)


def _own(found: Spread, attribute: str, colour: object, share: Array) -> Array:
    """The colour so far: that of the animators before, else the text's own, else black."""
    before: Array | None = getattr(found, attribute)
    if before is not None:
        return before
    parts = [number(part, 0.0) for part in colour[:3]] if isinstance(colour, list) and len(colour) >= 3 else list(_COLOUR)
    return np.tile(np.array(parts), (*share.shape, 1))


def _shifted(colours: Array, place: int, shift: Array) -> Array:
    """Shift one of hue, saturation and brightness; hue goes round, the others end at 0 and 1."""
    flat, by = np.clip(colours, 0, 1).reshape(-1, 3), np.broadcast_to(shift, colours.shape[:2]).reshape(-1)
    known: dict[tuple[float, ...], tuple[float, float, float]] = {}
    for row in zip(*flat.T.tolist(), by.tolist(), strict=True):
        if row not in known:
            parts = list(colorsys.rgb_to_hsv(*row[:3]))
            parts[place] = (parts[place] + row[3]) % 1 if place == 0 else min(max(parts[place] + row[3], 0.0), 1.0)
            known[row] = colorsys.hsv_to_rgb(*parts)
    return np.array([known[row] for row in zip(*flat.T.tolist(), by.tolist(), strict=True)]).reshape(colours.shape)
