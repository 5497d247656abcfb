"""The floor of a render, in a process of its own: x264 alone, on frames that are drawn and converted already; one JSON line at the end."""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np

from benchmarks.film import RATE, SECONDS, SIZE
from contracts.spec import SceneSpec
from node_worker.encode.conversion import Converter
from node_worker.encode.presets import BITEXACT, Preset, add_video_stream
from node_worker.engines.base import Files, Pixels, Scene
from node_worker.engines.lottie.engine import LottieEngine

SEGMENT = RATE  # frames: a second, as the farm cuts it
# What encodes a film the cheapest of all that was tried, at the luma PSNR of `veryfast` with a factor of 21 (docs/decisions/0059);
# whatever the farm's own settings become.
BEST = Preset("veryfast", 20.7, "subme=1:me=dia")


class Encoded(msgspec.Struct, frozen=True):
    """What was encoded and what that took, nothing but x264 counted."""

    frames: int
    seconds: float
    processor: float  # seconds


def segments(bundle: Path, scenes: list[int], each: int) -> Iterator[list[Pixels]]:
    """`each` segments of every scene, drawn."""
    engine = LottieEngine()
    with tempfile.TemporaryDirectory() as folder:
        known = engine.scan(bundle, Path(folder)).scenes
        for number in scenes:
            found = known[number % len(known)]
            spec = SceneSpec(scene=found.key, bundle="0" * 64, digest="", frames=round(SECONDS * RATE), duration=SECONDS)
            scene = engine.open(spec, Files(objects={"0" * 64: str(bundle)}, work=folder), SIZE, "#FFFFFF", ())
            for start in range(each):
                yield [_drawn(scene, (start * SEGMENT + at) / RATE) for at in range(SEGMENT)]
            scene.close()


def _drawn(scene: Scene, seconds: float) -> Pixels:
    pixels = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    scene.draw(seconds, pixels)
    return pixels


def encode(frames: list[Pixels]) -> tuple[float, float]:
    """Seconds for one segment, and of them the processor's: x264 in one thread, into memory."""
    ready, rate = [Converter(pixels).convert() for pixels in frames], Fraction(RATE)
    began, used = time.perf_counter(), time.process_time()
    with av.open(io.BytesIO(), "w", format="mp4", options=BITEXACT) as container:
        stream = add_video_stream(container, SIZE, rate, BEST)
        for number, frame in enumerate(ready):
            frame.pts, frame.duration, frame.time_base = number, 1, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return time.perf_counter() - began, time.process_time() - used


def main() -> None:
    """Encode this process's share of the film."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--each", type=int, required=True)
    parser.add_argument("scenes", type=int, nargs="+")
    asked = parser.parse_args()
    took = [encode(frames) for frames in segments(asked.bundle, asked.scenes, asked.each)]
    encoded = Encoded(len(took) * SEGMENT, sum(one for one, _ in took), sum(one for _, one in took))
    sys.stdout.write(msgspec.json.encode(encoded).decode() + "\n")


if __name__ == "__main__":
    main()
