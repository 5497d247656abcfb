"""Pictures: the size from the header, then a whole decode, so that what is accepted can be drawn."""

from pathlib import Path

import msgspec
from PIL import Image, UnidentifiedImageError

from node_worker.engines.base import TemplateRefused
from node_worker.inspect.facts import Inspection

LARGEST_SIDE = 16_384
LARGEST_AREA = 40_000_000  # pixels; 160 MB when decoded to RGBA

_AT_START = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)


def format_of(head: bytes) -> str | None:
    """Name Pillow's format for a file that begins with `head`, or None if it is no picture that we take."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in _AT_START if head.startswith(magic)), None)


def inspect_picture(path: Path, name: str, found: Inspection) -> Inspection:
    """Read the header, then decode. Raises TemplateRefused picture.too_large or picture.unreadable."""
    try:
        with Image.open(path, formats=[name]) as picture:
            width, height = picture.size
            if max(width, height) > LARGEST_SIDE or width * height > LARGEST_AREA:
                raise _too_large(f"{width} x {height} pixels")
            picture.load()
    except Image.DecompressionBombError as error:
        raise _too_large("the picture") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's fault, not the picture's
        why = str(error).replace(str(path), "the file")  # where it lies on this node is nobody else's business
        raise TemplateRefused("picture.unreadable", f"the {name} picture is damaged ({why}); save it anew") from error
    return msgspec.structs.replace(found, kind="picture", format=name.lower(), width=width, height=height)


def _too_large(what: str) -> TemplateRefused:
    return TemplateRefused(
        "picture.too_large", f"{what}: the largest side is {LARGEST_SIDE} and the largest area {LARGEST_AREA:,} pixels; scale it down"
    )
