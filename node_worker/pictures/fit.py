"""How a picture lies in its place: whole, cut or stretched, and at which side it stays."""

import re
from typing import NamedTuple

from PIL import Image

from contracts.spec import Fit

_RATIO = re.compile(r"^(?:none|x(Min|Mid|Max)Y(Min|Mid|Max)(?:\s+(meet|slice))?)$")
_SIDES = {"Min": 0.0, "Mid": 0.5, "Max": 1.0}


class Lie(NamedTuple):
    """A way to lie; `x` and `y` say which part of what is left over comes first: 0, a half, or 1."""

    fit: Fit = "crop"
    x: float = 0.5
    y: float = 0.5


def lie_of(ratio: object) -> Lie:
    """What an SVG's preserveAspectRatio means, as a document's `pr` writes it; cut in the middle, as players do, where there is none."""
    match = _RATIO.match(ratio.strip()) if isinstance(ratio, str) else None
    if match is None:
        return Lie()
    if match[1] is None:
        return Lie("fill")
    return Lie("crop" if match[3] == "slice" else "contain", _SIDES[match[1]], _SIDES[match[2]])


def scale_of(picture: tuple[float, float], place: tuple[float, float], fit: Fit) -> tuple[float, float]:
    """How much wider and higher a picture becomes in its place."""
    across, down = place[0] / picture[0], place[1] / picture[1]
    if fit == "fill":
        return across, down
    even = min(across, down) if fit == "contain" else max(across, down)
    return even, even


def lay(image: Image.Image, place: tuple[int, int], lie: Lie) -> Image.Image:
    """A picture of exactly the place's size; what the picture leaves free is transparent."""
    if image.size == place:
        return image
    scale = scale_of(image.size, place, lie.fit)
    if lie.fit == "contain":
        inner = tuple(min(side, max(1, round(have * by))) for have, by, side in zip(image.size, scale, place, strict=True))
        small = image.resize((inner[0], inner[1]), Image.Resampling.LANCZOS)
        if small.size == place:
            return small
        ground = Image.new("RGBA" if image.mode != "LA" else "LA", place)
        ground.paste(small.convert(ground.mode), (round((place[0] - inner[0]) * lie.x), round((place[1] - inner[1]) * lie.y)))
        return ground
    # The part of the picture that is seen, in its own pixels.
    width, height = (min(have, side / by) for have, side, by in zip(image.size, place, scale, strict=True))
    left, top = (image.width - width) * lie.x, (image.height - height) * lie.y
    return image.resize(place, Image.Resampling.LANCZOS, box=(left, top, left + width, top + height))
