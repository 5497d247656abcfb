"""What the scenes share: the backdrop, the sun that wipes from scene to scene, the brand, the way a text comes in."""

from templates.demo.palette import COLOURS, FRAMES, HEIGHT, MIDDLE, RATE, WIDTH, colour
from templates.lottie import layers, shapes
from templates.lottie.document import document
from templates.lottie.layers import Place
from templates.lottie.values import GATHER, GLIDE, SETTLE, SWING, Json, moving

_SPARKS = ((210, 300), (395, 640), (560, 190), (130, 760), (720, 96), (1190, 150), (1420, 330), (1640, 190), (1795, 560), (1560, 720))
_WIPE = 1400  # radius; the frame's corner is 1,101 pixels from its middle, so the disc may move while it covers
_SOFT = ((0, 1.0), (0.15, 0.86), (0.3, 0.6), (0.45, 0.35), (0.6, 0.17), (0.8, 0.04), (1, 0.0))  # a bell curve: a light without an edge


def band(name: str, paint: Json, top: float = 0, bottom: float = HEIGHT, place: Place | None = None) -> Json:
    """Return a layer that fills the frame's width between two heights; a matte costs as much as it is large."""
    return shapes_layer(name, shapes.rectangle((WIDTH, bottom - top), (MIDDLE, (top + bottom) / 2)), paint, place=place)


def shapes_layer(name: str, *items: Json, place: Place | None = None) -> Json:
    """Return a shape layer with its shapes in one group."""
    return layers.shapes(name, shapes.group(name, *items), place=place)


def backdrop() -> list[Json]:
    """Return the background colour, a wash of the primary colour from below, and sparks that breathe."""
    wash = band("wash shape", shapes.fade((0, 380), (0, HEIGHT), ((0, 0), (0.25, 0.03), (0.5, 0.12), (0.75, 0.29), (1, 0.52))), 380)
    sparks = [_spark(index, at) for index, at in enumerate(_SPARKS)]
    washed = layers.matted(band("wash", shapes.fill(colour("primary")), 380), wash)
    return [*sparks, *washed, band("backdrop", shapes.fill(colour("background")))]


def _spark(index: int, at: tuple[int, int]) -> Json:
    low, high = 8 + index % 3 * 6, 40 + index % 4 * 10
    turn = 14 + index * 17 % 50
    glow = moving((0, low), (turn, high), (FRAMES, low), ease=SWING)
    drift = moving((0, (at[0], at[1] + 14)), (FRAMES, (at[0], at[1] - 14)), ease=(0.33, 0.33, 0.67, 0.67))
    size = 3 + index % 3 * 1.5
    return shapes_layer(f"spark {index + 1}", shapes.ellipse((size, size)), shapes.fill(colour("ink")), place=Place(at=drift, opacity=glow))


def glow(name: str, shade: Json, at: tuple[float, float], radius: float, strength: float) -> list[Json]:
    """Return a soft light that grows; strength from 0 to 1."""
    light = shapes.fade((0, 0), (radius, 0), [(offset, round(strength * share, 3)) for offset, share in _SOFT], radial=True)
    grow = Place(at=at, scale=moving((0, (60, 60)), (FRAMES - 20, (112, 112))))
    shape = shapes_layer("glow shape", shapes.ellipse((radius * 2, radius * 2)), light, place=grow)
    paint = shapes_layer(name, shapes.ellipse((radius * 2.24, radius * 2.24)), shapes.fill(shade), place=Place(at=at))
    return layers.matted(paint, shape)


def opening() -> list[Json]:
    """Return the discs that cover the first frame and leave upwards, the accent trailing."""
    return [
        _disc("wipe out", "primary", moving((0, (MIDDLE, 660)), (16, (MIDDLE, -1440)), ease=SETTLE)),
        _disc("wipe out trail", "accent", moving((0, (MIDDLE, 760)), (21, (MIDDLE, -1440)), ease=SETTLE)),
    ]


def closing() -> list[Json]:
    """Return the discs that rise from below and cover the last frame, the accent leading."""
    last = FRAMES - 1
    return [
        _disc("wipe in", "primary", moving((last - 14, (MIDDLE, 2520)), (last, (MIDDLE, 780)), ease=GATHER)),
        _disc("wipe in lead", "accent", moving((last - 18, (MIDDLE, 2520)), (last - 2, (MIDDLE, 640)), ease=GATHER)),
    ]


def _disc(name: str, paint: str, at: Json) -> Json:
    disc = shapes.ellipse((_WIPE * 2, _WIPE * 2))
    shine = shapes.fade((0, -_WIPE), (0, _WIPE / 2), ((0, 0.26), (0.5, 0.08), (1, 0)))  # no frame is one flat colour
    return layers.shapes(
        name, shapes.group("shine", disc, shine), shapes.group("disc", disc, shapes.fill(colour(paint))), place=Place(at=at)
    )


def rising(at: tuple[float, float], frame: float, way: float = 54) -> Place:
    """Return the way in of a text or a card: up by `way` pixels while it appears."""
    return Place(at=moving((frame, (at[0], at[1] + way)), (frame + 26, at)), opacity=moving((frame, 0), (frame + 15, 100), ease=SWING))


def sun(radius: float) -> list[Json]:
    """Return the shapes of the sun: the accent colour with light from above."""
    shine = shapes.fade((0, -radius), (0, radius), ((0, 0.42), (0.55, 0.0), (1, 0)))
    disc = shapes.ellipse((radius * 2, radius * 2))
    return [shapes.group("shine", disc, shine), shapes.group("disc", disc, shapes.fill(colour("accent")))]


def brand() -> Json:
    """Return the `frshare` composition: the mark and the brand's name, one for all scenes."""
    mark = shapes_layer("mark", shapes.arch(21, closed=True), shapes.fill(colour("accent")), place=Place(at=(117, 104)))
    ground = shapes_layer("mark line", shapes.line((-30, 0), (30, 0)), shapes.stroke(colour("accent"), 5), place=Place(at=(117, 116)))
    name = layers.text(
        "frl_brand", "Your brand", (700, 64), 36, colour("ink"), font=layers.BOLD, align=layers.LEFT, place=Place(at=(518, 102))
    )
    return {"id": "frshare", "nm": "frshare", "fr": RATE, "w": WIDTH, "h": HEIGHT, "layers": layers.finished([name, mark, ground], FRAMES)}


def brand_layer(frame: float) -> Json:
    """Return the layer that shows the brand from a frame on."""
    return layers.composition("frshare", "frshare", (WIDTH, HEIGHT), Place(opacity=moving((frame, 0), (frame + 18, 92), ease=GLIDE)))


def scene(title: str, stack: list[Json], *assets: Json) -> Json:
    """Return a whole Lottie document of the demo from its layers, the topmost first."""
    return document(title, (WIDTH, HEIGHT), FRAMES, stack, rate=RATE, assets=[brand(), *assets], colours=COLOURS)
