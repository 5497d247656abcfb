"""What tells one drawn picture from another, and who says what a picture is when it is drawn a second time."""

import zlib
from typing import Protocol

from node_worker.engines.base import Pixels


class Testimony(Protocol):
    """The fingerprints of pictures that another process has drawn."""

    def of(self, frame: int) -> int | None:
        """Of a frame, counted from the scene's start; waited for. None if nobody can say; nothing that is no fingerprint equals one."""


def fingerprint(pixels: Pixels) -> int:
    """Of a picture's bytes (contiguous): CRC-32, a third of what SHA-256 takes; nobody gains by forging it."""
    return zlib.crc32(pixels.data)
