"""Scene 4, "outro": when and where, a button, and the sun large at the foot of the frame."""

import msgspec

from templates.demo import parts
from templates.demo.palette import FRAMES, MIDDLE, colour
from templates.lottie import layers, shapes
from templates.lottie.layers import Place
from templates.lottie.values import SETTLE, SWING, Json, moving

_FOOT = 1240


def document() -> Json:
    """Return the scene's Lottie document."""
    title = layers.text(
        "frl_title", "Available today", (1560, 180), 128, colour("ink"), font=layers.BOLD, place=parts.rising((MIDDLE, 318), 8)
    )
    subtitle = layers.text("frl_subtitle", "Say where to find it", (1300, 120), 50, colour("ink"), place=parts.rising((MIDDLE, 462), 15))
    stack = [*parts.opening(), parts.brand_layer(6), title, subtitle, *_button(), _sun(), *_rings()]
    return parts.scene("Outro", [*stack, *parts.glow("glow", colour("accent"), (MIDDLE, _FOOT - 120), 1050, 0.5), *parts.backdrop()])


def _button() -> list[Json]:
    pop = Place(
        at=(MIDDLE, 622),
        scale=moving((24, (70, 70)), (36, (104, 104)), (46, (100, 100)), ease=SWING),
        opacity=moving((24, 0), (32, 100), ease=SWING),
    )
    pill = parts.shapes_layer("button", shapes.rectangle((620, 116), (0, 0), 58), shapes.fill(colour("accent")), place=pop)
    # A line's letters stand a little above the middle of its box: the label goes down by as much.
    label = msgspec.structs.replace(pop, at=(MIDDLE, 627))
    return [layers.text("frl_button", "yourbrand.example", (560, 70), 46, colour("background"), font=layers.BOLD, place=label), pill]


def _sun() -> Json:
    rise = moving((0, (MIDDLE, _FOOT + 420)), (50, (MIDDLE, _FOOT)), (FRAMES - 1, (MIDDLE, _FOOT - 14)))
    return layers.shapes("sun", *parts.sun(430), place=Place(at=rise))


def _rings() -> list[Json]:
    """Return rings that leave the sun one after the other and thin out."""
    rings = []
    for index in range(4):
        begin = 10 + index * 12
        size = moving((begin, (860, 860)), (begin + 76, (1900, 1900)), ease=SETTLE)
        fade = moving((begin, 0), (begin + 6, 60), (begin + 70, 0), ease=SETTLE)
        pen = shapes.stroke(colour("accent"), 3, fade)
        rings.append(parts.shapes_layer(f"ring {index + 1}", shapes.ellipse(size), pen, place=Place(at=(MIDDLE, _FOOT))))
    return rings
