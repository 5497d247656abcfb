"""One sound file as a stream of 48 kHz stereo samples, from its place on the timeline to the end of the video."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from node_worker.encode.waveform import NoSound, Samples, Waveform
from node_worker.engines.base import TemplateRefused

SAMPLE_RATE = 48_000


class SoundReader:
    """Reads a file in blocks of any length: silence before `start` seconds, then the sound once or, if `loop`, for ever."""

    def __init__(self, path: Path, *, start: float, loop: bool, field: str) -> None:
        self._sound, self._loop, self._field = Waveform(path), loop, field
        self._silence = max(0, round(start * SAMPLE_RATE))  # samples still to pass before the sound begins
        self._blocks = self._resampled()
        self._left: Samples = np.zeros((2, 0), np.float32)

    def take(self, count: int) -> Samples:
        """Return the next `count` samples, silence where the sound is over. Raises TemplateRefused audio.unreadable."""
        taken = np.zeros((2, count), np.float32)
        at = min(self._silence, count)
        self._silence -= at
        while at < count:
            if not self._left.shape[1]:
                block = next(self._blocks, None)
                if block is None:
                    break
                self._left = block
            part = self._left[:, : count - at]
            taken[:, at : at + part.shape[1]] = part
            self._left = self._left[:, part.shape[1] :]
            at += part.shape[1]
        return taken

    def _resampled(self) -> Iterator[Samples]:
        """Yield stereo at 48 kHz: one resampler for all repeats, so that none is heard where one ends and the next begins."""
        convert, at = None, 0
        for block in self._repeated():
            rate = self._sound.rate
            convert = convert or av.AudioResampler("fltp", self._sound.layout, SAMPLE_RATE)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", self._sound.layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            at += block.shape[1]
            yield from _stereo(convert.resample(frame))
        if convert is not None:
            yield from _stereo(convert.resample(None))

    def _repeated(self) -> Iterator[Samples]:
        """Yield the sound's own samples, over and over if it loops; a short one is repeated from memory, not decoded each time."""
        while True:
            length, kept = 0, []
            try:
                for block in self._sound.blocks():
                    length += block.shape[1]
                    if length <= self._sound.rate:
                        kept.append(block)
                    yield block
            except NoSound:
                raise self._refused("the file has no sound track; choose another file") from None
            except av.FFmpegError as error:
                raise self._refused(f"the sound cannot be decoded ({error.strerror}); save it anew as WAV, MP3 or M4A") from error
            if not length:
                raise self._refused("the file holds no sound; choose another file")
            if not self._loop:
                return
            if length <= self._sound.rate:  # less than a second
                repeated = np.tile(np.concatenate(kept, axis=1), (1, -(-self._sound.rate // length)))
                while True:
                    yield repeated

    def _refused(self, detail: str) -> TemplateRefused:
        return TemplateRefused("audio.unreadable", detail, self._field)


def _stereo(frames: list[av.AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        if frame.samples:
            yield np.broadcast_to(frame.to_ndarray(), (2, frame.samples))
