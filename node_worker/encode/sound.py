"""One sound file as a stream of 48 kHz stereo samples, from its place on the timeline to the end of the video."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from node_worker.encode.media import open_media
from node_worker.engines.base import TemplateRefused

SAMPLE_RATE = 48_000
SHORT = SAMPLE_RATE  # samples; a loop of less than a second is kept in memory
Samples = npt.NDArray[np.float32]  # (2, n), left and right, -1 to 1


class SoundReader:
    """Reads a file in blocks of any length: silence before `start` seconds, then the sound once or, if `loop`, for ever."""

    def __init__(self, path: Path, *, start: float, loop: bool, field: str) -> None:
        self._path, self._loop, self._field = path, loop, field
        self._silence = max(0, round(start * SAMPLE_RATE))  # samples still to pass before the sound begins
        self._blocks = self._decode()
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

    def _decode(self) -> Iterator[Samples]:
        """Yield the sound's samples, over and over if it loops; a short one is repeated from memory, not decoded each time."""
        while True:
            length, kept = 0, []
            try:
                for block in self._once():
                    length += block.shape[1]
                    if length <= SHORT:
                        kept.append(block)
                    yield block
            except av.FFmpegError as error:
                raise self._refused(f"the sound cannot be decoded ({error.strerror}); save it anew as WAV, MP3 or M4A") from error
            if not length:
                raise self._refused("the file holds no sound; choose another file")
            if not self._loop:
                return
            if length <= SHORT:
                repeated = np.tile(np.concatenate(kept, axis=1), (1, -(-SHORT // length)))
                while True:
                    yield repeated

    def _once(self) -> Iterator[Samples]:
        """Decode the file from its beginning to its end; a damaged packet is left out as players do."""
        with open_media(self._path) as container:
            if not container.streams.audio:
                raise self._refused("the file has no sound track; choose another file")
            stream = container.streams.audio[0]
            # One channel stays one here: the resampler would lower it by 3 dB on its way to stereo.
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            resampler = av.AudioResampler("fltp", layout, SAMPLE_RATE)
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                except av.error.InvalidDataError:
                    continue
                for frame in decoded:
                    yield from self._arrays(resampler.resample(frame))
            yield from self._arrays(resampler.resample(None))

    def _arrays(self, frames: list[av.AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            if frame.samples:
                yield np.broadcast_to(frame.to_ndarray(), (2, frame.samples))

    def _refused(self, detail: str) -> TemplateRefused:
        return TemplateRefused("audio.unreadable", detail, self._field)
