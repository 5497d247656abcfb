"""Drawn segments and sounds of known content, made once and small."""

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from contracts.spec import Quality
from node_worker.encode.facts import FinishedSegment, SegmentFile
from node_worker.encode.segment import SegmentJob, SegmentPipeline
from tests.unit.enginehost.synthetic import SyntheticScene

SIZE = (320, 180)


def jobs(folder: Path, counts: list[int], rate: Fraction, first: int = 0) -> list[SegmentJob]:
    """Segments of the given lengths, one after the other."""
    made = []
    for count in counts:
        seconds = tuple(float(frame / rate) for frame in range(first, first + count))
        made.append(SegmentJob(key=str(first), first=first, seconds=seconds, output=str(folder / f"{first}.mp4")))
        first += count
    return made


def draw(wanted: list[SegmentJob], rate: Fraction, quality: Quality = "draft", size: tuple[int, int] = SIZE) -> list[FinishedSegment]:
    return list(SegmentPipeline(SyntheticScene("calm", size), size, rate, quality).run(wanted))


def files(segments: list[FinishedSegment]) -> list[SegmentFile]:
    return [SegmentFile(path=one.path, sha256=one.sha256, frames=one.frames, before=one.before, last=one.check.last) for one in segments]


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., str]:
    """Write a sine as WAV and return its path."""

    def write(name: str, frequency: float, seconds: float, amplitude: float, channels: int = 1) -> str:
        at = np.arange(int(seconds * 44_100)) / 44_100
        samples = (np.sin(2 * np.pi * frequency * at) * amplitude * 32767).astype("<i2")
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(44_100)
            file.writeframes(np.repeat(samples, channels).tobytes())
        return str(path)

    return write
