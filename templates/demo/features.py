"""Scene 3, "features": a heading and three cards whose signs are drawn while one looks."""

from math import cos, pi, sin

from templates.demo import parts
from templates.demo.palette import MIDDLE, colour
from templates.lottie import layers, shapes
from templates.lottie.values import SWING, Json, moving

_CARDS = (
    (368, "one", "12 h", "of light from one charge"),
    (MIDDLE, "two", "3 tones", "from morning to ember"),
    (1552, "three", "2 years", "of care included"),
)
_TOP, _SIZE = 660, (528, 520)  # the middle of the cards


def document() -> Json:
    """Return the scene's Lottie document."""
    title = layers.text(
        "frl_title", "Made to be lived with", (1500, 120), 84, colour("ink"), font=layers.BOLD, place=parts.rising((MIDDLE, 268), 8)
    )
    stack = [*parts.opening(), *parts.closing(), parts.brand_layer(6), title]
    for index, (x, key, value, words) in enumerate(_CARDS):
        stack += _card(x, 12 + index * 6, key, value, words, _SIGNS[index])
    return parts.scene("Features", [*stack, *parts.backdrop()])


def _card(x: float, frame: float, key: str, value: str, words: str, sign: list[Json]) -> list[Json]:
    number = layers.text(
        f"frl_{key}_value", value, (480, 110), 76, colour("ink"), font=layers.BOLD, place=parts.rising((x, _TOP + 58), frame + 6)
    )
    label = layers.text(f"frl_{key}_text", words, (440, 140), 38, colour("ink"), place=parts.rising((x, _TOP + 186), frame + 10))
    drawn = shapes.trim(0, moving((frame + 6, 0), (frame + 40, 100), ease=SWING))
    way = parts.rising((x, _TOP - 118), frame + 4)
    pen = parts.shapes_layer(f"sign {key}", *sign, drawn, shapes.stroke(colour("accent"), 7), place=way)
    edge = shapes.group("edge", shapes.rectangle(_SIZE, (0, 0), 40), shapes.stroke(colour("ink"), 2, 22))
    pane = shapes.group("pane", shapes.rectangle(_SIZE, (0, 0), 40), shapes.fill(colour("ink"), 8))
    return [number, label, pen, layers.shapes(f"card {key}", edge, pane, place=parts.rising((x, _TOP), frame, 90))]


def _clock() -> list[Json]:
    return [shapes.ellipse((124, 124)), shapes.line((0, -36), (0, 2), (26, 18))]


def _rays() -> list[Json]:
    spread = [(cos(step * pi / 4), sin(step * pi / 4)) for step in range(8)]
    return [shapes.ellipse((56, 56)), *(shapes.line((x * 46, y * 46), (x * 66, y * 66)) for x, y in spread)]


def _tick() -> list[Json]:
    return [shapes.ellipse((124, 124)), shapes.line((-27, 2), (-7, 22), (29, -19))]


_SIGNS = (_clock(), _rays(), _tick())
