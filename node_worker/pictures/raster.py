"""Opens pictures made of pixels within bounds: their size from the header, and their pixels, upright and in sRGB, laid into a place."""

import functools
import io
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from node_worker.engines.base import TemplateRefused
from node_worker.pictures import formats
from node_worker.pictures.colour import simple, to_srgb
from node_worker.pictures.fit import Lie, lay

_DAMAGE = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError, IndexError, EOFError, TypeError, KeyError, AttributeError),
    *(OverflowError, NotImplementedError, RuntimeError, Image.DecompressionBombError),
)
_TURNED = (5, 6, 7, 8)  # values of EXIF's orientation that lie on their side
_ORIENTATION = 0x0112


def measure(source: Path | bytes, name: str, field: str, most: int = formats.MAX_PIXELS) -> tuple[int, int]:
    """The upright size in pixels, from the header. Raises TemplateRefused."""
    image = _open(source, name, field, most)
    try:
        width, height = image.size
        # Pillow turns TIFF and HEIF by itself, and says their upright size.
        if name in ("JPEG", "PNG", "WEBP", formats.AVIF) and image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
    except _DAMAGE as error:
        raise _damaged(field, error) from error
    return width, height


def decode(source: Path | bytes, name: str, field: str, place: tuple[int, int] | None, lie: Lie) -> Image.Image:
    """The pixels in RGB or RGBA, of the size of the place or, without one, of their own. Raises TemplateRefused."""
    image = _open(source, name, field)
    try:
        if place:
            # A JPEG can be decoded at a half or a quarter of its size, for the price of that.
            image.draft(None, (max(place) * 2, max(place) * 2))
        upright = simple(ImageOps.exif_transpose(image))
        if upright.mode not in ("RGB", "RGBA"):  # whose profile would not be that of the place's free part
            upright = to_srgb(upright)
            upright.info.pop("icc_profile", None)
        if place:
            told = upright.info.copy()
            upright = lay(upright, place, lie)
            upright.info = told
        return to_srgb(upright)
    except _DAMAGE as error:
        raise _damaged(field, error) from error


def _open(source: Path | bytes, name: str, field: str, most: int = formats.MAX_PIXELS) -> Image.Image:
    if name == formats.HEIF:
        _know_heif()
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=[name])
    except Image.DecompressionBombError as error:
        raise TemplateRefused("picture.too_large", "The picture has too many pixels; scale it down.", field) from error
    except _DAMAGE as error:
        raise _damaged(field, error) from error
    formats.check_size(*image.size, field, most)
    return image


@functools.cache
def _know_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _damaged(field: str, error: BaseException) -> TemplateRefused:
    if isinstance(error, OSError) and error.errno:
        raise error  # the disk's fault, not the picture's
    return TemplateRefused("picture.unreadable", "The picture is damaged and cannot be decoded; save it again as PNG or JPEG.", field)
