"""A prepared scene: seconds in, pixels out."""

import numpy as np

from contracts.spec import Warning
from node_worker.engines.base import Pixels
from node_worker.engines.lottie.ground import Ground
from node_worker.engines.lottie.mixing import cover, mix
from node_worker.engines.lottie.prepare import Prepared
from node_worker.engines.lottie.tvg import Animation

_WARM_UP = 0.372_123_7  # of the scene's length
_LAST = 0.01  # frames before the end: at the very end layers are gone already


class LottieScene:
    """Draws a prepared document; see base.Scene."""

    def __init__(self, prepared: Prepared, size: tuple[int, int], background: tuple[int, int, int]) -> None:
        self.warnings: tuple[Warning, ...] = prepared.warnings
        self._span = prepared.span
        self.computed = prepared.computed
        self._ground = Ground(background, clear=prepared.blends)
        self._stages: list[tuple[Animation, int]] = []
        self._coverage: Animation | None = None
        try:
            for stage in prepared.stages:
                self._stages.append((Animation(stage.document, prepared.size, size), stage.mode))
            self._coverage = Animation(prepared.coverage, prepared.size, size) if prepared.coverage else None
        except BaseException:
            self.close()
            raise
        self._frames = self._stages[0][0].frames
        apart = len(self._stages) > 1 or self._coverage is not None
        self._above = np.empty((size[1], size[0], 4), np.uint8) if apart else None  # what is drawn for itself first
        # What the engine draws first may depend on what lay in memory before: draw and throw away a moment that nobody asks for,
        # because a frame that is asked for twice in a row is not computed again.
        self._draw(self._frames * _WARM_UP, np.empty((size[1], size[0], 4), np.uint8))

    def draw(self, seconds: float, into: Pixels) -> None:
        """Draw the picture at `seconds`; before the start it is the first, after the end the last one."""
        self._draw(min(max(0.0, self._span.frame(seconds)), max(0.0, self._frames - _LAST)), into)

    def _draw(self, frame: float, into: Pixels) -> None:
        self._ground.before(into)
        for animation, mode in self._stages:
            if mode and self._above is not None:
                self._above.fill(0)
                animation.draw(frame, self._above)
                mix(mode, self._above, into)
            else:
                animation.draw(frame, into)
        if self._coverage is not None and self._above is not None:
            self._above.fill(0)
            self._coverage.draw(frame, self._above)
            cover(into, self._above)
        self._ground.after(into)

    def close(self) -> None:
        """Free the engine's memory."""
        for animation, _ in self._stages:
            animation.close()
        if self._coverage is not None:
            self._coverage.close()
