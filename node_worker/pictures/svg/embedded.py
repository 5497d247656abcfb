"""Pictures inside an SVG: decoded and written anew, so that no library opens what a stranger packed."""

import base64
import binascii
import io
from urllib.parse import unquote_to_bytes

from node_worker.pictures import fit, formats, raster
from node_worker.pictures.svg.source import Node

_MOST_SIDE = 2048  # pixels of such a picture


def embedded(node: Node, sides: dict[str, float], field: str) -> str | None:
    """The picture's data: address, laid into its box; None for one of another file, or a drawing. Raises TemplateRefused.

    `sides` are x, y, width and height; a width or height of 0 becomes the picture's own.
    """
    raw = _data(node.attributes.get("href", ""))
    name = formats.format_of(raw) if raw is not None else None
    if raw is None or name == formats.SVG:
        return None
    name = formats.require_drawn(name, field)
    own = raster.measure(raw, name, field)
    width, height = max(sides["width"], 0.0) or float(own[0]), max(sides["height"], 0.0) or float(own[1])
    sides["width"], sides["height"] = width, height
    dense = min(max(own[0] / width, own[1] / height), _MOST_SIDE / max(width, height))
    lie = fit.lie_of(node.attributes.get("preserveAspectRatio") or "xMidYMid meet")
    image = raster.decode(raw, name, field, (max(1, round(width * dense)), max(1, round(height * dense))), lie)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _data(address: str) -> bytes | None:
    head, comma, body = address.strip().partition(",")
    if not head.startswith("data:") or not comma:
        return None
    try:
        return base64.b64decode(body, validate=False) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return None
