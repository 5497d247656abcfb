"""A landscape painted with numbers: sky, sun, ridges in haze and water; the same bytes for the same palette."""

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.float32]

SIZE = (1600, 900)
_SHORE = 0.74  # of the height: where the water begins


class Light(msgspec.Struct, frozen=True):
    """The colours of a time of day: the sky from its top to the horizon, the sun, and the nearest ridge."""

    sky: tuple[str, ...]
    sun: str
    near: str


DAWN = Light(("#1B2A66", "#4F5FB8", "#9C93D8", "#E9C3D6", "#FBE6DA"), "#FFF6E2", "#141B45")
DUSK = Light(("#23133C", "#5B1F55", "#B23A5C", "#F0785A", "#FFC27A"), "#FFF0C9", "#1D0F2B")


def paint(light: Light, target: Path) -> None:
    """Write the landscape as a JPEG of 1600x900."""
    width, height = SIZE
    x, y = np.meshgrid(np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32))
    picture = _sky(light, x, y)
    for depth in range(5):
        picture = _ridge(picture, light, x, y, depth)
    picture = _water(picture, light, y)
    grain = np.random.default_rng(1405).standard_normal((height, width, 1), np.float32) * 0.004  # hides the steps of eight bits
    pixels = (np.clip(picture + grain, 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(target, "JPEG", quality=90, subsampling=0, optimize=True)


def _rgb(colour: str) -> Plane:
    levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return np.array(levels, np.float32)


def _mix(under: Plane, over: Plane, share: Plane) -> Plane:
    return under + (over - under) * share[..., None]


def _sky(light: Light, x: Plane, y: Plane) -> Plane:
    stops = np.array([_rgb(colour) for colour in light.sky])
    at = np.clip(y / 0.66, 0, 1)
    places = np.linspace(0, 1, len(stops))
    sky: Plane = np.stack([np.interp(at, places, stops[:, channel]) for channel in range(3)], -1)
    away = np.hypot((x - 0.5) * SIZE[0] / SIZE[1], y - 0.455)
    sun = np.broadcast_to(_rgb(light.sun), sky.shape)
    sky = _mix(sky, sun, 0.62 * np.exp(-((away / 0.2) ** 2)) + 0.22 * np.exp(-((away / 0.55) ** 2)))
    for row, length, centre in ((0.2, 0.3, 0.27), (0.27, 0.22, 0.77), (0.34, 0.36, 0.62)):
        band = np.exp(-(((y - row - 0.012 * np.sin(x * 9 + row * 40)) / 0.012) ** 2) - ((x - centre) / length) ** 4)
        sky = _mix(sky, sun, 0.2 * band)
    return _mix(sky, sun, np.clip((0.118 - away) * SIZE[1] + 0.5, 0, 1))


def _ridge(picture: Plane, light: Light, x: Plane, y: Plane, depth: int) -> Plane:
    """Lay one ridge over the picture; 0 is the farthest. Far ridges are low in contrast, as air makes them."""
    seed = np.random.default_rng(70 + depth)
    top = np.full(x.shape[1], 0.5 + depth * 0.06)
    for octave in range(1, 8):
        wave = np.abs(np.sin(x[0] * np.pi * 1.15 * 1.9**octave / 2 + seed.uniform(0, 6))) - 0.6
        top -= wave * (0.085 - depth * 0.008) / 1.75**octave
    valley = 0.075 * np.exp(-(((x[0] - 0.5) / 0.2) ** 2)) * (1 - depth / 6)  # opens the view for the sun
    top = top + valley
    share = (depth + 1) / 5
    body = _rgb(light.sky[-2]) * (1 - share) + _rgb(light.near) * share
    haze = np.clip((y - top[None, :]) / 0.16, 0, 1) * (0.5 - depth * 0.08)
    colour = _mix(np.broadcast_to(body, picture.shape), np.broadcast_to(_rgb(light.sky[-1]), picture.shape), haze)
    return _mix(picture, colour, np.clip((y - top[None, :]) * SIZE[1] + 0.5, 0, 1))


def _water(picture: Plane, light: Light, y: Plane) -> Plane:
    """Mirror what lies above the shore, moved sideways in thin lines and darkened towards the viewer."""
    height, width = y.shape
    shore = int(_SHORE * height)
    rows = np.arange(shore, height)
    source = np.clip(shore - (rows - shore) * 1.9, 0, shore - 1).astype(int)
    mirrored = picture[source]
    seed = np.random.default_rng(12)
    for index, row in enumerate(rows):
        swing = np.sin(row * 0.9) * (2 + index * 0.05) + seed.normal(0, 1.5)
        mirrored[index] = np.roll(mirrored[index], int(swing), axis=0)
    deep = 0.3 + 0.5 * np.broadcast_to(((rows - shore) / (height - shore))[:, None], (len(rows), width))
    painted = picture.copy()
    painted[shore:] = _mix(mirrored, np.broadcast_to(_rgb(light.near), mirrored.shape), deep.astype(np.float32))
    return painted
