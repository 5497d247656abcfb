"""A prepared scene: seconds in, pixels out."""

import numpy as np

from contracts.spec import Warning
from node_worker.engines.base import Pixels
from node_worker.engines.lottie.prepare import Prepared
from node_worker.engines.lottie.tvg import Animation

_WARM_UP = 0.372_123_7  # of the scene's length
_LAST = 0.01  # frames before the end: at the very end layers are gone already


class LottieScene:
    """Draws a prepared document; see base.Scene."""

    def __init__(self, prepared: Prepared, size: tuple[int, int], background: tuple[int, int, int]) -> None:
        self.warnings: tuple[Warning, ...] = prepared.warnings
        self.computed = prepared.computed
        self._rate = prepared.rate
        self._animation = Animation(prepared.document, prepared.size, size, background)
        # What the engine draws first may depend on what lay in memory before: draw and throw away a moment that nobody asks for,
        # because a frame that is asked for twice in a row is not computed again.
        self._animation.draw(self._animation.frames * _WARM_UP, np.empty((size[1], size[0], 4), np.uint8))

    def draw(self, seconds: float, into: Pixels) -> None:
        """Draw the picture at `seconds`; before the start it is the first, after the end the last one."""
        frame = round(seconds * self._rate, 3)  # 7/30 s is frame 7, not 6.9999
        self._animation.draw(min(max(0.0, frame), max(0.0, self._animation.frames - _LAST)), into)

    def close(self) -> None:
        """Free the engine's memory."""
        self._animation.close()
