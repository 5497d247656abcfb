"""One frame of a scene as a PNG file."""

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from node_worker.encode.segment import check_size
from node_worker.engines.base import Scene
from node_worker.engines.protocol import PictureDone


def picture(scene: Scene, size: tuple[int, int], seconds: float, output: Path) -> PictureDone:
    """Draw the scene at `seconds` of its source and write it, opaque. Raises TemplateRefused for a size that cannot be, OSError."""
    check_size(size)
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    scene.draw(seconds, pixels)
    encoded = io.BytesIO()
    Image.fromarray(pixels[:, :, :3]).save(encoded, "PNG", compress_level=6)
    output.write_bytes(encoded.getbuffer())
    return PictureDone(sha256=hashlib.sha256(encoded.getbuffer()).hexdigest(), bytes=len(encoded.getbuffer()))
