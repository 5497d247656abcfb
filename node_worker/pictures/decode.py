"""Tells what a picture is, and opens it by what it is: pixels, or a drawing."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from node_worker.engines.base import TemplateRefused
from node_worker.pictures import formats, raster, svg
from node_worker.pictures.fit import Lie, lay, scale_of

HEAD = 4096  # bytes in which a format is told


class Decoded(NamedTuple):
    """A picture in RGB or RGBA, and what of a drawing is not in it, in words."""

    image: Image.Image
    missing: tuple[str, ...] = ()


def measure(source: Path | bytes, field: str, most: int = formats.MAX_PIXELS) -> tuple[str, tuple[int, int]]:
    """A picture's format and its upright size in pixels, from its header. Raises TemplateRefused."""
    name = formats.require_drawn(formats.format_of(_head(source)), field)
    if name == formats.SVG:
        return name, _whole(_drawing(source, field), field).pixels
    return name, raster.measure(source, name, field, most)


def decode(
    source: Path | bytes, field: str, place: tuple[int, int] | None = None, lie: Lie | None = None, *, whole: bool = False
) -> Decoded:
    """A picture of the size of its `place` or, without one, of its own. Raises TemplateRefused.

    A drawing of which something is missing is refused if it has to be `whole`.
    """
    lie = lie or Lie()
    name = formats.require_drawn(formats.format_of(_head(source)), field)
    if name != formats.SVG:
        return Decoded(raster.decode(source, name, field, place, lie))
    drawing = _drawing(source, field)
    if whole:
        _whole(drawing, field)
    image = drawing.draw(scale_of(drawing.size, place, lie.fit) if place else (drawing.natural, drawing.natural), field)
    return Decoded(lay(image, place, lie) if place else image, drawing.missing)


def _whole(drawing: svg.Drawing, field: str) -> svg.Drawing:
    """A drawing of which nothing is missing. Raises TemplateRefused."""
    if drawing.missing:
        what = ", ".join(drawing.missing[:5])
        detail = f"The SVG uses {what}: turn that into paths in the drawing program, or save it as PNG."
        raise TemplateRefused("picture.svg_feature", detail, field)
    return drawing


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with source.open("rb") as file:
        return file.read(HEAD)


def _drawing(source: Path | bytes, field: str) -> svg.Drawing:
    return svg.read(source if isinstance(source, bytes) else source.read_bytes(), field)
