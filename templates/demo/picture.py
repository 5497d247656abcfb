"""Scene 2, "picture": a photograph opens from a card to the whole frame, with words on its lower part."""

from templates.demo import parts
from templates.demo.palette import FRAMES, HEIGHT, MIDDLE, WIDTH, colour
from templates.lottie import layers, shapes
from templates.lottie.layers import Place
from templates.lottie.values import STEADY, SWING, Json, moving

PHOTO = "photo.jpg"
_PHOTO_SIZE = (1600, 900)
_FILL = WIDTH / _PHOTO_SIZE[0]  # what brings the photograph to the frame's size
_CENTRE = (MIDDLE, HEIGHT / 2)


def document() -> Json:
    """Return the scene's Lottie document; it asks for the bundle's picture `photo.jpg`."""
    title = layers.text(
        "frl_title", "A picture says more", (1560, 170), 112, colour("ink"), font=layers.BOLD, place=parts.rising((MIDDLE, 800), 30)
    )
    subtitle = layers.text(
        "frl_subtitle", "Put your own photograph here", (1300, 120), 48, colour("ink"), place=parts.rising((MIDDLE, 934), 37)
    )
    stack = [*parts.opening(), *parts.closing(), parts.brand_layer(34), title, subtitle, *_scrim(), _frame(), *_photo()]
    asset = {"id": "photo", "w": _PHOTO_SIZE[0], "h": _PHOTO_SIZE[1], "u": "/i/", "p": PHOTO, "e": 0}
    return parts.scene("Picture", [*stack, *parts.backdrop()], asset)


def _card(grow: float) -> Json:
    size = moving((4, (1180 + grow, 640 + grow)), (40, (WIDTH + grow, HEIGHT + grow)), ease=SWING)
    return shapes.rectangle(size, (0, 0), moving((4, 44), (40, 0), ease=SWING))


def _photo() -> list[Json]:
    slow = moving((0, (118 * _FILL, 118 * _FILL)), (FRAMES, (102 * _FILL, 102 * _FILL)), ease=(0.2, 0.5, 0.6, 1.0))
    photo = layers.picture("frl_photo", "photo", Place(at=_CENTRE, anchor=(_PHOTO_SIZE[0] / 2, _PHOTO_SIZE[1] / 2), scale=slow))
    window = parts.shapes_layer("window", _card(0), shapes.fill(colour("ink")), place=Place(at=_CENTRE))
    return layers.matted(photo, window)


def _frame() -> Json:
    """Return the thin line that runs round the card while it opens."""
    run = shapes.trim(0, moving((4, 0), (30, 100), ease=SWING), moving((4, 0), (40, 120), ease=STEADY))
    return parts.shapes_layer("frame", _card(44), run, shapes.stroke(colour("accent"), 4), place=Place(at=_CENTRE))


def _scrim() -> list[Json]:
    """Return the shade in the background's colour that keeps every text readable on any photograph."""
    seen = Place(opacity=moving((22, 0), (46, 100), ease=SWING))
    low = parts.band("lower shade", shapes.fade((0, 430), (0, HEIGHT), ((0, 0), (0.25, 0.2), (0.5, 0.6), (0.75, 0.8), (1, 0.9))), 430)
    high = parts.band("upper shade", shapes.fade((0, 0), (0, 260), ((0, 0.7), (1, 0))), 0, 260)
    paint = shapes.fill(colour("background"))
    return [
        *layers.matted(parts.band("shade", paint, 430, place=seen), low),
        *layers.matted(parts.band("top shade", paint, 0, 260, seen), high),
    ]
