"""Values of a Lottie document: fixed, keyframed with easing, or taken from a slot."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
Number = float | Sequence[float]
Curve = tuple[float, float, float, float]  # x1, y1, x2, y2 of a cubic Bézier from (0, 0) to (1, 1), as in CSS

GLIDE: Curve = (0.16, 1.0, 0.3, 1.0)  # fast start, long soft landing
SWING: Curve = (0.65, 0.0, 0.2, 1.0)  # slow at both ends
GATHER: Curve = (0.5, 0.0, 0.9, 0.55)  # leaves slowly and is at speed when the scene is cut
SETTLE: Curve = (0.1, 0.45, 0.5, 1.0)  # enters at speed and comes to rest
STEADY: Curve = (0.33, 0.33, 0.67, 0.67)


def fixed(value: Number) -> Json:
    """Return a property that never changes."""
    return {"a": 0, "k": value if isinstance(value, int | float) else list(value)}


def moving(*keys: tuple[float, Number], ease: Curve = GLIDE) -> Json:
    """Return a property that goes through (frame, value) pairs, every step with the same easing."""
    x1, y1, x2, y2 = ease
    frames: list[Json] = []
    for index, (frame, value) in enumerate(keys):
        key: Json = {"t": frame, "s": [value] if isinstance(value, int | float) else list(value)}
        if index < len(keys) - 1:
            key |= {"o": {"x": [x1], "y": [y1]}, "i": {"x": [x2], "y": [y2]}}
        frames.append(key)
    return {"a": 1, "k": frames}


def prop(value: Number | Json) -> Json:
    """Accept a plain number or list where a property is wanted."""
    return value if isinstance(value, dict) else fixed(value)


def rgb(colour: str) -> list[float]:
    """Turn "#RRGGBB" into three numbers from 0 to 1."""
    return [round(int(colour[at : at + 2], 16) / 255, 4) for at in (1, 3, 5)]


def slot(name: str, fallback: str) -> Json:
    """Return a colour that is read from the document's slot; players without slots show `fallback` ("#RRGGBB")."""
    return {"a": 0, "k": rgb(fallback), "sid": name}
