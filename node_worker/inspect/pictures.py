"""Pictures: the size from the header, then a whole decode, so that what is accepted can be drawn."""

from pathlib import Path

import msgspec

from node_worker.inspect.facts import Inspection
from node_worker.pictures import formats
from node_worker.pictures.decode import decode, measure

LARGEST_AREA = 40_000_000  # pixels; 160 MB when decoded to RGBA

format_of = formats.format_of


def inspect_picture(path: Path, name: str, found: Inspection) -> Inspection:
    """Measure, then decode. Raises TemplateRefused picture.format, .too_large, .unreadable, .svg_complex or .svg_feature."""
    del name  # told again by who decodes
    told, (width, height) = measure(path, "", LARGEST_AREA)
    decode(path, "")
    return msgspec.structs.replace(found, kind="picture", format=told.lower(), width=width, height=height)
