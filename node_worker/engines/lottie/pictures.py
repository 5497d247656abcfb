"""Pictures for the engine, which takes plain PNG inside the document and draws it pixel by pixel: laid into their place before."""

import base64
import binascii
import io
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
from PIL import Image

from node_worker.engines.base import TemplateRefused
from node_worker.pictures.decode import decode
from node_worker.pictures.fit import Lie

BLANK = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="


def data_uri(
    source: Path | bytes, pixels: tuple[int, int] | None, lie: Lie, field: str, *, edge: int = 0, whole: bool = False
) -> tuple[str, tuple[str, ...]]:
    """A picture of so many pixels as a data: address, and what of a drawing is not in it. Raises TemplateRefused.

    `edge` pixels around it repeat its border; a drawing of which something is missing is refused if it has to be `whole`.
    """
    image, missing = decode(source, field, pixels, lie, whole=whole)
    if edge:
        image = Image.fromarray(np.pad(np.asarray(image), ((edge, edge), (edge, edge), (0, 0)), "edge"))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode(), missing


def decode_data_uri(text: str, field: str) -> bytes:
    """The bytes inside a data: address. Raises TemplateRefused."""
    head, _, body = text.partition(",")
    try:
        return base64.b64decode(body.strip(), validate=False) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise TemplateRefused("picture.unreadable", "A picture inside the animation is not valid base64.", field) from error
