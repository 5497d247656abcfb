"""Pictures for the engine: decoded within bounds, turned upright, cropped to their place, handed over as PNG."""

import base64
import binascii
import io
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PIL import Image, ImageOps, UnidentifiedImageError

from node_worker.engines.base import TemplateRefused

MAX_SIDE, MAX_PIXELS = 16_384, 64_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_DAMAGE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, IndexError, EOFError, TypeError, Image.DecompressionBombError)
BLANK = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="


def measure(source: Path | bytes, field: str) -> tuple[int, int]:
    """Read a picture's size from its header. Raises TemplateRefused if it is too large or no picture."""
    return _open(source, field).size


def data_uri(source: Path | bytes, size: tuple[int, int] | None, field: str) -> str:
    """Decode a picture and fill `size` with it, cropping what stands over. Raises TemplateRefused."""
    image = _open(source, field)
    try:
        if size:
            # A JPEG can be decoded at a half or a quarter of its size, for the price of that.
            image.draft("RGB", (max(size) * 2, max(size) * 2))
        upright = ImageOps.exif_transpose(image)
        picture = upright.convert("RGBA" if _has_alpha(upright) else "RGB")
        if size and picture.size != size:
            picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
        return _png(picture)
    except _DAMAGE as error:
        raise TemplateRefused("picture.damaged", "The picture cannot be decoded; save it again as PNG or JPEG.", field) from error


def decode_data_uri(text: str, field: str) -> bytes:
    """The bytes inside a data: address. Raises TemplateRefused."""
    head, _, body = text.partition(",")
    try:
        return base64.b64decode(body.strip(), validate=False) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise TemplateRefused("picture.damaged", "A picture inside the animation is not valid base64.", field) from error


def _open(source: Path | bytes, field: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(field) from error
    except _DAMAGE as error:
        detail = "The file is no picture that can be drawn; PNG, JPEG, WebP, GIF and BMP can."
        raise TemplateRefused("picture.unreadable", detail, field) from error
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _too_large(field)
    return image


def _too_large(field: str) -> TemplateRefused:
    return TemplateRefused("picture.too_large", f"A picture may measure at most {MAX_SIDE} pixels a side and 64 megapixels.", field)


def _has_alpha(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
