"""A sound file's samples at its own rate: placed by its time stamps, and without the padding that its container tells of."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from node_worker.encode.media import open_media

Samples = npt.NDArray[np.float32]  # (channels, n), -1 to 1

# A Matroska file counts in milliseconds, and recorders stamp what they hear a few milliseconds early or late: what is off by less is not
# moved.
TOLERANCE = Fraction(1, 100)  # seconds; below the 20 ms of the shortest lost packet that is common
TICKS = 2  # of the container's own clock, where that is coarser
RESTART = Fraction(1, 2)  # seconds; time stamps that fall back by more begin anew, as where recordings were put one behind the other
BLOCK = 65_536  # samples of silence at a time
# Coders work in frames, the last of which is filled up. Only containers of this kind say where the sound ends; what would be cut beyond
# two of the longest frames is no padding, and is kept.
TELLS_END = "mov"
MOST_PADDING = 8_192
NEAR_END = Fraction(1, 500)  # seconds by which the two places that tell the end may differ, as one counts in milliseconds


class NoSound(Exception):
    """The file has no sound track."""


class Waveform:
    """One sound file, to be read from its beginning to its end as often as it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rate = 0  # samples a second, known from the first block on
        self.layout = "stereo"  # or mono: the resampler would lower one channel by 3 dB on its way to stereo

    def blocks(self) -> Iterator[Samples]:
        """Yield the sound in order. A damaged packet is left out as players do. Raises NoSound, av.FFmpegError."""
        with open_media(self._path) as container:
            if not container.streams.audio:
                raise NoSound
            stream = container.streams.audio[0]
            self.layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            ends = container.format.name.startswith(TELLS_END)
            placed = self._placed(container, stream, 0 if ends else max(0, container.start_time or 0))
            yield from self._cut(placed, _end(container, stream) if ends else None)

    def _placed(self, container: InputContainer, stream: AudioStream, origin: int) -> Iterator[tuple[Samples, int | None]]:
        """Yield each decoded frame where its time stamp says, with silence in gaps and without what overlaps; `origin` is in av.time_base.

        Beside it, where its packet ends (None if that is not told), counted in samples from the sound's beginning.
        """
        tolerance = max(TOLERANCE, TICKS * (stream.time_base or TOLERANCE))
        begins, at = Fraction(origin, av.time_base), -1  # -1: nothing yet
        for frame, packet in self._frames(container, stream):
            stamp = None if frame.pts is None else Fraction(frame.pts) * (frame.time_base or 0)
            if at < 0:
                # What a coder needs to come into swing is left out of a file's first frame; the sound begins where its first packet does.
                at, first = 0, None if packet.pts is None else packet.pts * packet.time_base
                begins = stamp if stamp is not None and first is not None and first - begins <= tolerance else begins
            ahead = 0 if stamp is None else round((stamp - begins) * self.rate) - at
            samples: Samples = frame.to_ndarray().astype(np.float32, copy=False)
            if ahead < -RESTART * self.rate:
                begins += Fraction(ahead, self.rate)
            elif ahead < -tolerance * self.rate:
                samples = samples[:, -ahead:]
            elif ahead > tolerance * self.rate:
                yield from ((silence, None) for silence in _silence(len(samples), ahead))
                at += ahead
            at += samples.shape[1]
            end = None if packet.pts is None or not packet.duration else (packet.pts + packet.duration) * packet.time_base
            yield samples, None if end is None else round((end - begins) * self.rate)

    def _cut(self, placed: Iterator[tuple[Samples, int | None]], end: Fraction | None) -> Iterator[Samples]:
        """Leave out what lies beyond `end`, a second; the last packet says it more exactly where it is about the same."""
        at, told, held = 0, None, list[Samples]()
        for samples, packet_end in placed:
            told = packet_end if packet_end is not None else told
            count = samples.shape[1]
            sure = count if end is None else max(0, min(count, round((end - NEAR_END) * self.rate) - at))
            if sure:
                yield samples[:, :sure]
            if sure < count:
                held.append(samples[:, sure:])
            at += count
            if end is not None and at > round(end * self.rate) + MOST_PADDING:
                yield from held
                end, held = None, []
        if held and end is not None:
            last = round(end * self.rate)
            last = told if told is not None and abs(told - last) <= NEAR_END * self.rate else last
            rest = np.concatenate(held, axis=1)
            yield rest[:, : max(0, last - (at - rest.shape[1]))]

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[tuple[av.AudioFrame, "Packet[AudioStream]"]]:
        """Yield decoded frames as floats of one rate and layout, with the packet that each is of."""
        made_for: tuple[object, ...] = ()
        convert = av.AudioResampler()
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in decoded:
                self.rate = self.rate or frame.sample_rate
                kind = (frame.format.name, frame.layout.name, frame.sample_rate)
                if kind != made_for:  # a broadcast that goes over to another form in the middle
                    convert, made_for = av.AudioResampler("fltp", self.layout, self.rate), kind
                yield from ((one, packet) for one in convert.resample(frame) if one.samples)


def _end(container: InputContainer, stream: AudioStream) -> Fraction | None:
    """The second at which the sound ends by its container: an edit list, or the note that iTunes leaves; None if neither is there."""
    if not stream.duration or not stream.time_base:
        return None
    note = container.metadata.get("iTunSMPB", "").split()  # a zero, samples before the sound, samples behind it, samples of it; all in hex
    try:
        length = int(note[3], 16) if len(note) > 3 else 0
    except ValueError:
        length = 0
    believed = 0 <= stream.duration - length <= MOST_PADDING
    return (max(0, stream.start_time or 0) + (length if believed else stream.duration)) * stream.time_base


def _silence(channels: int, count: int) -> Iterator[Samples]:
    """Yield `count` samples of nothing, piece by piece: a gap may last for hours."""
    for begun in range(0, count, BLOCK):
        yield np.zeros((channels, min(BLOCK, count - begun)), np.float32)
