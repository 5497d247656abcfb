"""Brings a picture of any mode to 8 bits of red, green and blue in sRGB, by the maths of the profile that it carries."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC  # with black point compensation: what designing programs do unless told otherwise
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # a profile's colour space for each mode
_SAME = 1  # of 255 levels: a profile that moves no colour further than that is sRGB under whatever name
_ENCODED = 0.45455  # a PNG's gamma that means the same as sRGB's curve
_GAMMA_SLACK = 0.01
# Red, green, blue and white of sRGB as x and y (IEC 61966-2-1), in the order of a PNG's chunk: white first.
_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PLACES_SLACK = 0.005


def simple(image: Image.Image) -> Image.Image:
    """Bring a decoded picture to one of the modes L, LA, RGB, RGBA and CMYK, 8 bits each; its profile stays with it."""
    mode, profile = image.mode, image.info.get("icc_profile")
    if mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("RGBA")
    elif mode.startswith("I") or mode == "F":
        image = _scaled(image)
    elif mode in ("1", "La"):
        image = image.convert("L" if mode == "1" else "LA")
    elif mode in ("P", "PA"):
        clear = mode == "PA" or "transparency" in image.info or (image.palette is not None and image.palette.mode == "RGBA")
        image = image.convert("RGBA" if clear else "RGB")
    elif mode == "LAB":
        return _from_lab(image)
    elif mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGBA" if mode.endswith(("a", "A")) else "RGB")
    image.info["icc_profile"] = profile
    return image


def to_srgb(image: Image.Image) -> Image.Image:
    """A picture in one of the simple modes, as RGB or RGBA in sRGB. A profile that cannot be read, or of another space, is passed over."""
    alpha = image.getchannel("A") if image.mode.endswith("A") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    found = _by_profile(colours, image.info.get("icc_profile")) or _by_chunks(colours, image.info) or colours.convert("RGB")
    if alpha:
        found.putalpha(alpha)
    return found


def _scaled(image: Image.Image) -> Image.Image:
    """Grey values of more than 8 bits: whole numbers of 16 or 32 bits, or fractions from 0 to 1."""
    values = np.asarray(image).astype(np.float64)
    clear = image.info.get("transparency")
    finite = values[np.isfinite(values)]
    highest = float(finite.max()) if finite.size else 0.0
    # A file says how wide its numbers are, but not what white is where they are wider than 16 bits: what fits is taken.
    white = next(
        limit for limit in (1.0 if image.mode == "F" else 65535.0, 255.0, 65535.0, 2.0**32 - 1, max(highest, 1.0)) if highest <= limit
    )
    if image.mode.startswith("I;16"):
        white = 65535.0
    grey = np.clip(np.nan_to_num(values, nan=0.0, posinf=white, neginf=0.0) / white * 255 + 0.5, 0, 255).astype(np.uint8)
    result = Image.fromarray(grey)
    if isinstance(clear, int):
        result.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return result


def _from_lab(image: Image.Image) -> Image.Image:
    return _transformed(image, ImageCms.createProfile("LAB"))


def _by_profile(image: Image.Image, raw: object) -> Image.Image | None:
    if not isinstance(raw, bytes) or not raw:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(raw))
        if profile.profile.xcolor_space != _SPACES.get(image.mode):
            return None
        if image.mode == "RGB" and _is_srgb(profile):
            return image
        return _transformed(image, profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _transformed(image: Image.Image, profile: Any) -> Image.Image:
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), image.mode, "RGB", _INTENT, _FLAGS)
    result = ImageCms.applyTransform(image, transform)
    assert result is not None, "only a transformation in place answers nothing"
    return result


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether a profile leaves colours as they are, over a cube of 9 steps a side."""
    steps = np.arange(9, dtype=np.uint8) * 31
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    moved = np.asarray(_transformed(Image.fromarray(cube), profile)).astype(int)
    return int(np.abs(moved - cube).max()) <= _SAME


def _by_chunks(image: Image.Image, info: dict[str | tuple[int, int], object]) -> Image.Image | None:
    """A PNG without a profile may say its gamma and its colours' places (PNG specification, gAMA and cHRM), unless it says sRGB."""
    gamma, places = info.get("gamma"), info.get("chromaticity")
    if "srgb" in info or not isinstance(gamma, (int, float)) or not 0.1 <= gamma <= 2 or image.mode not in ("RGB", "L"):
        return None
    placed = tuple(float(part) for part in places) if isinstance(places, tuple) and len(places) == 8 else _SRGB
    usual = max(abs(one - other) for one, other in zip(placed, _SRGB, strict=True)) < _PLACES_SLACK
    if usual and abs(gamma - _ENCODED) < _GAMMA_SLACK:
        return None
    matrix = np.eye(3)
    if not usual:
        try:
            matrix = np.linalg.inv(_to_xyz(_SRGB)) @ _to_xyz(placed)
        except np.linalg.LinAlgError:
            return None
    light = np.array([(step / 255) ** (1 / gamma) for step in range(256)])
    red, green, blue = np.moveaxis(light[np.asarray(image.convert("RGB"))], -1, 0)
    # One product after the other: a library's product of matrices rounds otherwise on other processors.
    mixed = [np.clip(row[0] * red + row[1] * green + row[2] * blue, 0, 1) for row in matrix]
    return Image.fromarray(_curve()[(np.stack(mixed, axis=-1) * 65535 + 0.5).astype(np.uint16)])


@functools.cache
def _curve() -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """sRGB's 8 bits for linear light in 16 (IEC 61966-2-1)."""
    steps = [step / 65535 for step in range(65536)]
    return np.array([int((one * 12.92 if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055) * 255 + 0.5) for one in steps], np.uint8)


def _to_xyz(places: tuple[float, ...]) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """The matrix from linear light to XYZ for white, red, green and blue at these places; whites are taken as one."""
    if min(places[1::2]) <= 0:
        raise np.linalg.LinAlgError
    white, *primaries = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in zip(places[::2], places[1::2], strict=True))
    columns = np.array(primaries).T
    return np.asarray(columns * np.linalg.solve(columns, white))
