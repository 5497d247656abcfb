"""How loud a mix is, and the one factor that brings it to the loudness that players expect."""

import math
from collections.abc import Iterable

import av
import msgspec
import numpy as np

# LUFS, the integrated loudness of EBU R 128 (ITU-R BS.1770): at this level the large streaming services play a film; a louder one they
# turn down.
TARGET = -14.0
MOST_RAISED = 20.0  # dB; a recording that is softer still is mostly noise
CEILING = 0.95  # of full scale; what is raised stops there, so that no peak has to be pressed down for it
SILENT = -70.0  # LUFS; below it, and where nothing lasts the 0.4 s of a measurement, there is no loudness
METER, MEASURED = "ebur128", "lavfi.r128.I"  # the filter, and what it leaves at each frame of all that it heard so far


class Loudness(msgspec.Struct, frozen=True):
    """What was heard of a mix."""

    lufs: float = SILENT
    peak: float = 0.0  # the largest sample, 1 is full scale

    def gain(self, volume: float) -> float:
        """The dB that bring a mix of tracks of volume 1 to the target, in tenths; `volume` is the largest that this one was made with.

        So a person's volumes keep their meaning: music alone at half its volume is 6 dB softer than at the whole.
        """
        if self.lufs <= SILENT or self.peak <= 0 or volume <= 0:
            return 0.0
        wanted = TARGET - (self.lufs - 20 * math.log10(volume))
        room = 20 * math.log10(CEILING / self.peak)
        return round(min(wanted, MOST_RAISED, max(0.0, room)), 1)


def heard(frames: Iterable[av.AudioFrame]) -> Loudness:
    """Listen to what comes out of the meter, to its end."""
    lufs, peak = SILENT, 0.0
    for frame in frames:
        lufs = float(frame.metadata.get(MEASURED, lufs))
        peak = max(peak, float(np.abs(frame.to_ndarray()).max(initial=0.0)))
    return Loudness(lufs if math.isfinite(lufs) else SILENT, peak)
