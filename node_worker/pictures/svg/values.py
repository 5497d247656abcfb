"""Reads an SVG's values: lengths, colours, transformations, and how far a path goes."""

import math
import re

from PIL import ImageColor

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBERS = re.compile(_NUMBER)
_LENGTH = re.compile(rf"\s*({_NUMBER})\s*(px|pt|pc|mm|cm|in|em|ex|rem|%)?\s*$")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "em": 16.0, "rem": 16.0, "ex": 8.0}
_TRANSFORM = re.compile(r"(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)")
_COLOUR = re.compile(r"rgba?\(([^)]*)\)$")
_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
_NO_PATH = re.compile(r"[^MmLlHhVvCcSsQqTtAaZz0-9eE+\-.,\s]")

_LONGEST = 2000  # characters of a list of transformations

Matrix = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f: x' = a x + c y + e, y' = b x + d y + f
FARTHEST = 1e6  # of a drawing's own pixels, with all transformations: the engine's coordinates end at 3e7, and it is drawn larger
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def numbers(text: str) -> list[float]:
    """All finite numbers in a text."""
    return [value for match in _NUMBERS.findall(text) if math.isfinite(value := float(match))]


def length(text: str | None, whole: float) -> float | None:
    """A length in pixels; per cent are of `whole`. None if it is none."""
    match = _LENGTH.match(text) if text else None
    if match is None:
        return None
    value = float(match[1])
    found = value * whole / 100 if match[2] == "%" else value * _PIXELS.get(match[2] or "px", 1.0)
    return found if math.isfinite(found) else None


def colour(text: str) -> tuple[str, float] | None:
    """A colour as #rrggbb and its opacity; None if it cannot be read."""
    value = text.strip().lower()
    if value == "transparent":
        return "#000000", 0.0
    match = _COLOUR.match(value)
    if match:
        found = re.findall(rf"({_NUMBER})(%?)", match[1])
        if len(found) < 3:
            return None
        parts = [float(number) * (2.55 if per_cent else 1) for number, per_cent in found[:3]]
        alpha = float(found[3][0]) * (0.01 if found[3][1] else 1) if len(found) > 3 else 1.0
        red, green, blue = (round(min(255.0, max(0.0, part))) for part in parts)
        return f"#{red:02x}{green:02x}{blue:02x}", min(1.0, max(0.0, alpha))
    try:
        parsed = ImageColor.getrgb(value)
    except ValueError:
        return None
    red, green, blue = parsed[:3]
    return f"#{red:02x}{green:02x}{blue:02x}", parsed[3] / 255 if len(parsed) > 3 else 1.0


def times(one: Matrix, other: Matrix) -> Matrix:
    """The transformation that does `other` first, then `one`."""
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f


def transform(text: str) -> Matrix:
    """What a list of transformations does."""
    result = IDENTITY
    for name, arguments in _TRANSFORM.findall(text[:_LONGEST]):
        given = numbers(arguments)
        if not given or (name == "matrix" and len(given) < 6):
            continue
        result = times(result, _one(name, given))
    return result if all(map(math.isfinite, result)) else IDENTITY


def _one(name: str, given: list[float]) -> Matrix:
    first, second = given[0], given[1] if len(given) > 1 else None
    if name == "matrix":
        return (given[0], given[1], given[2], given[3], given[4], given[5])
    if name == "translate":
        return 1.0, 0.0, 0.0, 1.0, first, second or 0.0
    if name == "scale":
        return first, 0.0, 0.0, first if second is None else second, 0.0, 0.0
    turn = math.radians(math.fmod(first, 360))
    if name == "rotate":
        turned = (math.cos(turn), math.sin(turn), -math.sin(turn), math.cos(turn), 0.0, 0.0)
        if len(given) >= 3:
            return times(times((1, 0, 0, 1, given[1], given[2]), turned), (1, 0, 0, 1, -given[1], -given[2]))
        return turned
    slope = math.tan(turn)
    return (1.0, 0.0, slope, 1.0, 0.0, 0.0) if name == "skewX" else (1.0, slope, 0.0, 1.0, 0.0, 0.0)


def written(value: float) -> str:
    """A number as it is written into a document."""
    return f"{value:.9g}"


def path(text: str) -> tuple[str, float, int]:
    """A path up to its first mistake, how far from zero it goes at most, and its number of pieces."""
    wrong = _NO_PATH.search(text)
    if wrong:
        text = text[: wrong.start()]
    text = text.strip()
    if text[:1] not in ("M", "m"):
        return "", 0.0, 0
    farthest, moved, pieces = 0.0, 0.0, 0
    for command, arguments in _COMMAND.findall(text):
        given = [abs(value) for value in numbers(arguments)]
        pieces += 1 + len(given) // 2
        if command.islower():
            moved += sum(given)
        elif given:
            farthest = max(farthest, *given)
    return text, farthest + moved, pieces
