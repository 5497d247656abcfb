"""What lies under a drawn picture: the background, or nothing while colours mix, and then the background after all."""

import numpy as np

from node_worker.engines.base import Pixels

_WHITE = 0xFFFF_FFFF
_ROWS = 16  # of a picture that are laid over the background at once: 123 kB at 1920 pixels, which stay in the processor's cache


class Ground:
    """The opaque background of a scene's pictures.

    A clear ground is transparent while the engine draws, so that a layer in a blend mode mixes with layers and not with the
    background, as in the designing program; what was drawn is laid over the background afterwards.
    """

    def __init__(self, background: tuple[int, int, int], *, clear: bool) -> None:
        self._clear = clear
        self._background = int(np.array([*background, 255], np.uint8).view(np.uint32)[0])
        missing = 255 - np.arange(256, dtype=np.uint32)
        # What a pixel of each opacity takes from the background. The engine's pixels are premultiplied, so no sum exceeds 255.
        self._shares = sum(((missing * part + 127) // 255) << np.uint32(8 * place) for place, part in enumerate((*background, 255)))

    def before(self, into: Pixels) -> None:
        """Prepare a buffer for the engine; a fill by NumPy is faster than a shape of the engine's, with one byte twice as fast again."""
        if self._clear:
            into.fill(0)
        elif self._background == _WHITE:
            into.fill(255)
        else:
            into.reshape(-1).view(np.uint32).fill(self._background)

    def after(self, into: Pixels) -> None:
        """Lay what was drawn over the background, if it is not there yet."""
        if not self._clear:
            return
        pixels = into.reshape(into.shape[0], -1).view(np.uint32)
        opacity = np.empty((_ROWS, pixels.shape[1]), np.uint32)
        share = opacity if self._background == _WHITE else np.empty_like(opacity)
        for top in range(0, len(pixels), _ROWS):
            rows = pixels[top : top + _ROWS]
            count = len(rows)
            if self._background == _WHITE:  # every part takes the same share, which is multiplied faster than looked up
                np.invert(rows, out=opacity[:count])
                np.right_shift(opacity[:count], 24, out=opacity[:count])
                np.multiply(opacity[:count], np.uint32(0x0101_0101), out=opacity[:count])
            else:
                np.right_shift(rows, 24, out=opacity[:count])
                np.take(self._shares, opacity[:count], out=share[:count], mode="clip")
            np.add(rows, share[:count], out=rows)
