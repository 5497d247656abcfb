"""Mixes colours as W3C's "Compositing and Blending" defines it, for the blend modes whose formulas in the engine are others.

A layer of the root composition in such a mode is drawn by itself; what is below it is drawn before, what is above it afterwards.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from node_worker.engines.base import Pixels
from node_worker.engines.lottie.guard import number, objects

Document = dict[str, Any]
Parts = npt.NDArray[np.float32]  # red, green and blue from 0 to 1, each a plane

_RIGHT = (0, 2, 5, 10, 11)  # modes whose opacity the engine takes as it is
_MODE = re.compile(rb'(?<!\\)"bm":[0-9.]+')  # a name of the document, not letters of a text, in which the quotes would be escaped
_MOST = 4  # layers of a scene that are mixed here; each draws the document twice more
_ROWS = 8  # of a picture mixed at once, so that what is worked with stays in the processor's cache


class Stage(msgspec.Struct, frozen=True):
    """A part of a scene's layers, and how it is laid over what is below it: 0 by the engine, else by the mode of this number."""

    document: bytes
    mode: int = 0


def mixed_here(layers: object) -> list[int]:
    """The places of the root's layers that are mixed here; none if there are too many."""
    found = [
        index
        for index, layer in enumerate(objects(layers))
        if number(layer.get("bm")) in FORMULAS and not layer.get("hd") and not layer.get("td")
    ]
    return found if len(found) <= _MOST else []


def stages(document: Document) -> tuple[Stage, ...]:
    """The document as the engine draws it, from below to above: whole, or in parts where layers are mixed here."""
    layers = document["layers"]
    mixed = mixed_here(layers)
    if not mixed:
        return (Stage(msgspec.json.encode(document)),)
    # Layers that another one is masked by are drawn with it, wherever they stand.
    found: list[Stage] = []
    below = len(layers)
    for index in (*reversed(mixed), -1):
        if index + 1 < below:
            found.append(_part(document, range(index + 1, below)))
        if index >= 0:
            found.append(_part(document, range(index, index + 1), int(layers[index]["bm"])))
        below = index
    return tuple(found)


def _part(document: Document, shown: range, mode: int = 0) -> Stage:
    """The document with these layers only; the others are there for those that hang on them."""
    layers = []
    for index, layer in enumerate(document["layers"]):
        if layer.get("td") or index in shown:
            layers.append({**layer, "bm": 0} if mode and index in shown else layer)
        else:
            layers.append({**layer, "hd": True})
    return Stage(msgspec.json.encode({**document, "layers": layers}), mode)


def coverage(document: Document) -> bytes:
    """The document without its blend modes, encoded, where the engine takes a layer's opacity wrongly; else nothing.

    Where a layer that blends lies over nothing, the engine writes the right colours, and the square of the opacity: tried, in all modes
    but screen, lighten, difference and exclusion. How opaque a pixel is does not depend on modes, so this document tells it.
    """
    found = False
    stack: list[Any] = [document]
    while stack and not found:
        part = stack.pop()
        if isinstance(part, dict):
            mode = number(part.get("bm"))
            found = mode == mode and mode not in _RIGHT
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    if not found:
        return b""
    return _MODE.sub(rb'"bm":0', msgspec.json.encode(document))


def cover(into: Pixels, covered: Pixels) -> None:
    """Give a picture the opacity of another one, both premultiplied."""
    for top in range(0, len(into), _ROWS):
        rows, opacity = into[top : top + _ROWS], covered[top : top + _ROWS, :, 3]
        np.minimum(rows, opacity[:, :, None], out=rows)  # rounding may leave a colour a step above it
        rows[:, :, 3] = opacity


def mix(mode: int, above: Pixels, into: Pixels) -> None:
    """Lay a drawn layer over what was drawn, both premultiplied, in a blend mode."""
    formula = FORMULAS[mode]
    for top in range(0, len(into), _ROWS):
        upper, lower = above[top : top + _ROWS], into[top : top + _ROWS]
        columns = np.flatnonzero(upper[..., 3].any(axis=0))
        if columns.size:  # where nothing is above, mixing changes nothing
            part = slice(columns[0], columns[-1] + 1)
            mixed = _mixed(formula, upper[:, part].reshape(-1, 4), lower[:, part].reshape(-1, 4))
            lower[:, part] = mixed.reshape(len(lower), -1, 4)


def _mixed(formula: Callable[[Parts, Parts], Parts], above: Pixels, below: Pixels) -> Pixels:
    """Pixels of both, one a row."""
    # Planes that lie together are gone through many times as fast as parts of pixels.
    source, backdrop = (np.ascontiguousarray(part.T).astype(np.float32) * np.float32(1 / 255) for part in (above, below))
    of_source, of_backdrop = source[3], backdrop[3]
    colour, under = (_straight(part) for part in (source, backdrop))
    result = np.empty_like(source)
    result[:3] = source[:3] * (1 - of_backdrop) + backdrop[:3] * (1 - of_source) + of_source * of_backdrop * formula(under, colour)
    result[3] = of_source + of_backdrop * (1 - of_source)
    np.minimum(result[:3], result[3], out=result[:3])
    return np.asarray((result * 255 + np.float32(0.5)).T.astype(np.uint8))


def _straight(parts: Parts) -> Parts:
    """Colours without their opacity."""
    if parts[3].min() >= 1:
        return parts[:3]
    return np.asarray(np.minimum(parts[:3] / np.maximum(parts[3], np.float32(1e-6)), 1))


def _soft_light(below: Parts, above: Parts) -> Parts:
    curve = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    twice = 2 * above - 1
    return np.asarray(below + twice * np.where(twice <= 0, below * (1 - below), curve - below))


def _light(parts: Parts) -> Parts:
    return np.asarray(np.float32(0.3) * parts[0] + np.float32(0.59) * parts[1] + np.float32(0.11) * parts[2])


def _range(parts: Parts) -> Parts:
    return np.asarray(parts.max(axis=0) - parts.min(axis=0))


def _with_light(parts: Parts, light: Parts) -> Parts:
    """The colour with another luminosity, brought back between black and white along its own grey."""
    moved = parts + (light - _light(parts))
    grey, least, most = _light(moved), moved.min(axis=0), moved.max(axis=0)
    tiny = np.float32(1e-6)
    moved = np.where(least < 0, grey + (moved - grey) * grey / np.maximum(grey - least, tiny), moved)
    return np.asarray(np.where(most > 1, grey + (moved - grey) * (1 - grey) / np.maximum(most - grey, tiny), moved))


def _with_range(parts: Parts, wanted: Parts) -> Parts:
    """The colour with another saturation: its least part becomes 0, its greatest the saturation."""
    own = _range(parts)
    return np.asarray(np.where(own > 0, (parts - parts.min(axis=0)) * wanted / np.maximum(own, np.float32(1e-6)), 0))


# By the modes' numbers in the format: soft light, hue, saturation, colour, luminosity.
FORMULAS: dict[float, Callable[[Parts, Parts], Parts]] = {
    9: _soft_light,
    12: lambda below, above: _with_light(_with_range(above, _range(below)), _light(below)),
    13: lambda below, above: _with_light(_with_range(below, _range(above)), _light(below)),
    14: lambda below, above: _with_light(above, _light(below)),
    15: lambda below, above: _with_light(below, _light(above)),
}
