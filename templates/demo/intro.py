"""Scene 1, "intro": a sun comes up over a line, the title below it."""

from templates.demo import parts
from templates.demo.palette import MIDDLE, colour
from templates.lottie import layers, shapes
from templates.lottie.layers import Place
from templates.lottie.values import SWING, Json, fixed, moving, rgb

_HORIZON = 500


def document() -> Json:
    """Return the scene's Lottie document."""
    title = layers.text(
        "frl_title", "Your product", (1500, 190), 136, colour("ink"), font=layers.BOLD, place=parts.rising((MIDDLE, 716), 16)
    )
    subtitle = layers.text(
        "frl_subtitle", "One line that says what it is", (1300, 120), 50, colour("ink"), place=parts.rising((MIDDLE, 868), 24)
    )
    stack = [*parts.closing(), parts.brand_layer(8), title, subtitle, *_water(), *_sun(), *_rings()]
    return parts.scene(
        "Intro", [*stack, *parts.glow("frd_glow", fixed(rgb("#7FA2FF")), (MIDDLE, _HORIZON - 60), 760, 0.75), *parts.backdrop()]
    )


def _sun() -> list[Json]:
    rise = moving((2, (MIDDLE, _HORIZON + 215)), (48, (MIDDLE, _HORIZON - 24)), (89, (MIDDLE, _HORIZON - 44)))
    above = parts.shapes_layer("sky", shapes.rectangle((900, 600), (MIDDLE, _HORIZON - 300)), shapes.fill(colour("ink")))
    return layers.matted(layers.shapes("sun", *parts.sun(182), place=Place(at=rise)), above)


def _rings() -> list[Json]:
    rings = []
    for index, (radius, opacity) in enumerate(((250, 55), (318, 32), (386, 16))):
        begin = 12 + index * 5
        half = shapes.trim(moving((begin, 50), (begin + 34, 0)), moving((begin, 50), (begin + 34, 100)))
        pen = shapes.stroke(colour("accent"), 3)
        rings.append(
            parts.shapes_layer(f"ring {index + 1}", shapes.arch(radius), half, pen, place=Place(at=(MIDDLE, _HORIZON), opacity=opacity))
        )
    return rings


def _water() -> list[Json]:
    lines = []
    for index, (half, opacity) in enumerate(((470, 100), (210, 70), (140, 45), (70, 25))):
        begin = index * 4
        drawn = shapes.trim(moving((begin, 50), (begin + 30, 0), ease=SWING), moving((begin, 50), (begin + 30, 100), ease=SWING))
        items = (shapes.line((-half, 0), (half, 0)), drawn, shapes.stroke(colour("accent"), 4 if index == 0 else 6))
        place = Place(at=(MIDDLE, _HORIZON + 27 * index), opacity=opacity)
        lines.append(parts.shapes_layer(f"water {index + 1}", *items, place=place))
    return lines
