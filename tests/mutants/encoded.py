"""What is drawn is steady, and what is heard keeps to its time; and small wrong changes of the encoding that each turn a check red."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np

from contracts.spec import AudioTrack
from node_worker.encode import mix, segment, waveform
from node_worker.encode.pixels import fingerprint
from node_worker.encode.progress import Progress
from node_worker.encode.segment import SegmentJob, SegmentPipeline
from node_worker.encode.waveform import Waveform
from tests.mutants.checks import Broken
from tests.unit.enginehost.synthetic import SyntheticScene

SIZE, RATE = (64, 36), Fraction(10)


class Fresh:
    """A second drawing by a scene that has drawn nothing."""

    def of(self, frame: int) -> int:
        pixels = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        SyntheticScene("remembers", SIZE).draw(float(frame / RATE), pixels)
        return fingerprint(pixels)


def a_picture_that_depends_on_others_is_found(folder: Path) -> None:
    """Raises Broken when a segment passes whose frame is another picture the second time."""
    job = SegmentJob(key="k", first=0, seconds=(0.0, 0.1, 0.2, 0.3), output=str(folder / "k.mp4"), again=frozenset({2}))
    (made,) = SegmentPipeline(SyntheticScene("remembers", SIZE), SIZE, RATE, "draft", testimony=Fresh()).run([job])
    if made.check.ok:
        raise Broken("the segment passed")


def sound(path: Path, gap: int) -> Path:
    """Two seconds of a tone as packets of 20 ms, from the 50th on `gap` milliseconds late."""
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for index in range(100):
            tone = (np.sin(np.arange(index * 960, (index + 1) * 960) / 20) * 8_000).astype("<i2")[np.newaxis]
            frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, index * 960, Fraction(1, 48_000)
            for packet in stream.encode(frame):
                later = round(gap / 1000 / packet.time_base) if index >= 50 else 0
                packet.pts, packet.dts = packet.pts + later, packet.dts + later
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


def a_gap_is_as_long_as_the_time_stamps_say(folder: Path) -> None:
    """Raises Broken when what follows a gap comes early."""
    heard = sum(block.shape[1] for block in Waveform(sound(folder / "gap.mkv", 700)).blocks())
    if abs(heard - 2.7 * 48_000) > 100:
        raise Broken(f"{heard} samples")


def jitter_makes_no_holes(folder: Path) -> None:
    """Raises Broken when a packet that is stamped a little late is moved."""
    heard = sum(block.shape[1] for block in Waveform(sound(folder / "late.mkv", 5)).blocks())
    if heard != 2 * 48_000:
        raise Broken(f"{heard} samples")


def a_volume_keeps_its_meaning(folder: Path) -> None:
    """Raises Broken when music at half its volume is as loud as at the whole."""
    path = sound(folder / "tone.mkv", 0)
    peaks = []
    for volume in (1.0, 0.5):
        frames = mix.mix([AudioTrack(kind="sfx", file="s", volume=volume)], {"s": str(path)}, 72_000, Progress())
        peaks.append(max(float(np.abs(frame.to_ndarray()).max(initial=0)) for frame in frames))
    if not 1.8 < peaks[0] / peaks[1] < 2.2:
        raise Broken(f"the peaks are {peaks}")


def nothing_is_compared() -> Any:
    """Every second drawing is believed to be the same."""
    return patch.object(segment.SegmentPipeline, "_compared", lambda self, encoded, check: check)


def all_pictures_are_alike() -> Any:
    """The fingerprint says nothing."""
    return patch.object(segment, "fingerprint", lambda pixels: Fresh().of(2))


def time_stamps_are_not_read() -> Any:
    """Samples are counted alone."""
    return patch.object(waveform, "TOLERANCE", Fraction(10_000))


def every_time_stamp_is_obeyed() -> Any:
    """To the sample, however coarse the container's clock is."""
    return patch.multiple(waveform, TOLERANCE=Fraction(0), TICKS=0)


def all_mixes_are_alike() -> Any:
    """The constant is worked out for the volumes as they are."""
    return patch.object(mix, "max", lambda _: 1.0, create=True)


RED: list[tuple[Callable[[Path], None], Callable[[], Any]]] = [
    (a_picture_that_depends_on_others_is_found, nothing_is_compared),
    (a_picture_that_depends_on_others_is_found, all_pictures_are_alike),
    (a_gap_is_as_long_as_the_time_stamps_say, time_stamps_are_not_read),
    (jitter_makes_no_holes, every_time_stamp_is_obeyed),
    (a_volume_keeps_its_meaning, all_mixes_are_alike),
]
