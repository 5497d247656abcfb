"""Opens pictures within bounds: their size from the header, and their pixels, upright and in sRGB, laid into a place."""

import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from node_worker.engines.base import TemplateRefused
from node_worker.pictures import formats
from node_worker.pictures.colour import simple, to_srgb
from node_worker.pictures.fit import Lie, lay, scale_of

if TYPE_CHECKING:
    from node_worker.pictures.svg import Drawing

HEAD = 4096  # bytes in which a format is told
_DAMAGE = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError, IndexError, EOFError, TypeError, KeyError, AttributeError),
    *(OverflowError, NotImplementedError, RuntimeError, Image.DecompressionBombError),
)
_TURNED = (5, 6, 7, 8)  # values of EXIF's orientation that lie on their side
_ORIENTATION = 0x0112


class Decoded(NamedTuple):
    """A picture in RGB or RGBA, and what of a drawing is not in it, in words."""

    image: Image.Image
    missing: tuple[str, ...] = ()


def measure(source: Path | bytes, field: str, most: int = formats.MAX_PIXELS) -> tuple[str, tuple[int, int]]:
    """A picture's format and its upright size in pixels, from its header. Raises TemplateRefused."""
    name = formats.require_drawn(formats.format_of(_head(source)), field)
    if name == formats.SVG:
        return name, _whole(_drawing(source, field), field).pixels
    image = _open(source, name, field, most)
    try:
        width, height = image.size
        # Pillow turns TIFF and HEIF by itself, and says their upright size.
        if name in ("JPEG", "PNG", "WEBP", formats.AVIF) and image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
    except _DAMAGE as error:
        raise _damaged(field, error) from error
    return name, (width, height)


def decode(
    source: Path | bytes, field: str, place: tuple[int, int] | None = None, lie: Lie | None = None, *, whole: bool = False
) -> Decoded:
    """A picture of the size of its `place` or, without one, of its own. Raises TemplateRefused.

    A drawing of which something is missing is refused if it has to be `whole`.
    """
    lie = lie or Lie()
    name = formats.require_drawn(formats.format_of(_head(source)), field)
    if name == formats.SVG:
        drawing = _drawing(source, field)
        if whole:
            _whole(drawing, field)
        image = drawing.draw(scale_of(drawing.size, place, lie.fit) if place else (drawing.natural, drawing.natural), field)
        return Decoded(lay(image, place, lie) if place else image, drawing.missing)
    image = _open(source, name, field)
    try:
        if place:
            # A JPEG can be decoded at a half or a quarter of its size, for the price of that.
            image.draft(None, (max(place) * 2, max(place) * 2))
        upright = simple(ImageOps.exif_transpose(image))
        profile = upright.info.copy()
        if place:
            upright = lay(upright, place, lie)
            upright.info = profile
        return Decoded(to_srgb(upright))
    except _DAMAGE as error:
        raise _damaged(field, error) from error


def _whole(drawing: "Drawing", field: str) -> "Drawing":
    """A drawing of which nothing is missing. Raises TemplateRefused."""
    if drawing.missing:
        what = ", ".join(drawing.missing[:5])
        raise TemplateRefused(
            "picture.svg_feature", f"The SVG uses {what}: turn that into paths in the drawing program, or save it as PNG.", field
        )
    return drawing


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with source.open("rb") as file:
        return file.read(HEAD)


def _drawing(source: Path | bytes, field: str) -> "Drawing":
    from node_worker.pictures.svg import read

    return read(source if isinstance(source, bytes) else source.read_bytes(), field)


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
