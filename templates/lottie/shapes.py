"""Shapes of a Lottie shape layer: outlines, paints, trims and groups; lengths in the composition's pixels."""

from collections.abc import Sequence

from templates.lottie.values import Json, Number, prop

Point = tuple[float, float]


def ellipse(size: Number | Json, at: Number | Json = (0, 0)) -> Json:
    """Return an ellipse of a width and height around a point."""
    return {"ty": "el", "d": 1, "s": prop(size), "p": prop(at)}


def rectangle(size: Number | Json, at: Number | Json = (0, 0), radius: float | Json = 0) -> Json:
    """Return a rectangle of a width and height around a point, with round corners."""
    return {"ty": "rc", "d": 1, "s": prop(size), "p": prop(at), "r": prop(radius)}


def line(*points: Point) -> Json:
    """Return an open path of straight pieces."""
    flat = [[0, 0]] * len(points)
    return {"ty": "sh", "ks": {"a": 0, "k": {"c": False, "v": [list(point) for point in points], "i": flat, "o": flat}}}


def arch(radius: float, at: Point = (0, 0), *, closed: bool = False) -> Json:
    """Return the upper half of a circle, from left to right; closed along its diameter when asked."""
    x, y = at
    bend = radius * 0.5523  # the usual cubic approximation of a quarter circle
    path = {
        "c": closed,
        "v": [[x - radius, y], [x, y - radius], [x + radius, y]],
        "i": [[0, 0], [-bend, 0], [0, -bend]],
        "o": [[0, -bend], [bend, 0], [0, 0]],
    }
    return {"ty": "sh", "ks": {"a": 0, "k": path}}


def fill(colour: Json, opacity: float | Json = 100) -> Json:
    """Return a plain fill; opacity in per cent."""
    return {"ty": "fl", "c": colour, "o": prop(opacity), "r": 1}


def stroke(colour: Json, width: float | Json, opacity: float | Json = 100) -> Json:
    """Return an outline with round caps and joins."""
    return {"ty": "st", "c": colour, "o": prop(opacity), "w": prop(width), "lc": 2, "lj": 2}


def fade(start: Point, end: Point, stops: Sequence[tuple[float, float]], *, shade: float = 1, radial: bool = False) -> Json:
    """Return a gradient of one grey (0 to 1) whose opacity (0 to 1) changes along (offset, opacity) stops."""
    colours = [number for offset, _ in stops for number in (offset, shade, shade, shade)]
    alphas = [number for stop in stops for number in stop]
    return {
        "ty": "gf",
        "o": prop(100),
        "r": 1,
        "t": 2 if radial else 1,
        "s": prop(start),
        "e": prop(end),
        "g": {"p": len(stops), "k": {"a": 0, "k": colours + alphas}},
    }


def trim(start: float | Json, end: float | Json, offset: float | Json = 0) -> Json:
    """Return what draws only a part of the outlines before it; start and end in per cent."""
    return {"ty": "tm", "s": prop(start), "e": prop(end), "o": prop(offset), "m": 1}


def group(name: str, *items: Json, at: Number | Json = (0, 0), scale: Number | Json = (100, 100), turn: float | Json = 0) -> Json:
    """Return shapes that are painted and moved together."""
    place = {"ty": "tr", "p": prop(at), "a": prop((0, 0)), "s": prop(scale), "r": prop(turn), "o": prop(100)}
    return {"ty": "gr", "nm": name, "it": [*items, place]}
