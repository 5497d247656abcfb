"""Draw, convert, encode and verify segments: three stages that overlap, also from one segment to the next."""

import hashlib
import io
import os
import queue
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
from av.video.stream import VideoStream

from contracts.spec import Quality
from node_worker.encode.conversion import Converter
from node_worker.encode.facts import UNSTEADY, FinishedSegment, SegmentCheck
from node_worker.encode.luma import Luma, luma_picture
from node_worker.encode.pixels import Testimony, fingerprint
from node_worker.encode.presets import BITEXACT, PRESETS, add_video_stream
from node_worker.encode.progress import Progress
from node_worker.encode.seams import edge
from node_worker.encode.stage import Stage
from node_worker.encode.verify import check_segment
from node_worker.engines.base import Scene, TemplateRefused

QUEUE_DEPTH = 2  # frames between drawing and encoding: enough to even out slow frames, 6 MB at 1080p
LARGEST_SIDE = 8192


class SegmentJob(msgspec.Struct, frozen=True, kw_only=True):
    """A segment to make: the source second of each of its frames, and the file to write."""

    key: str
    first: int  # the first frame's number within the scene
    seconds: tuple[float, ...]
    output: str
    before: float | None = None  # source second of the scene's frame before the first one; None at the scene's beginning
    again: frozenset[int] = frozenset()  # of its frames, those that are drawn a second time elsewhere


class Drawn(msgspec.Struct):
    """A converted frame on its way to the encoder."""

    job: SegmentJob
    index: int
    frame: av.VideoFrame
    luma: Luma
    before: str = ""  # edge of the frame before a segment's first one
    fingerprint: int | None = None  # of a frame that is drawn a second time


class Encoded(msgspec.Struct):
    """A segment file on the disk, with what was drawn into it."""

    job: SegmentJob
    drawn: list[Luma]
    before: str
    fingerprints: dict[int, int]  # of those of its frames that are drawn a second time


class SegmentPipeline:
    """Makes segments of one scene; frames are drawn in the caller's thread, encoded and verified in two others."""

    def __init__(
        self,
        scene: Scene,
        size: tuple[int, int],
        rate: Fraction,
        quality: Quality,
        progress: Progress | None = None,
        testimony: Testimony | None = None,
    ) -> None:
        check_size(size)
        self._scene, self._size, self._rate, self._quality = scene, size, rate, quality
        self._testimony = testimony
        self._progress = progress or Progress()
        self._pixels = np.zeros((size[1], size[0], 4), np.uint8)
        self._converter = Converter(self._pixels)
        self._finished: queue.SimpleQueue[FinishedSegment] = queue.SimpleQueue()
        self._latest: tuple[int, Luma] | None = None  # the frame that was drawn last, and its number

    def run(self, jobs: Iterable[SegmentJob]) -> Iterator[FinishedSegment]:
        """Yield each finished segment, in order. Raises what drawing, encoding or writing raised (OSError, MemoryError, ...)."""
        verifier: Stage[Encoded] = Stage("verify", self._verify, 2)
        segments = SegmentEncoder(self._size, self._rate, self._quality, verifier.put, self._progress.alive)
        encoder: Stage[Drawn] = Stage("encode", segments.add, QUEUE_DEPTH)
        try:
            for job in jobs:
                if not job.seconds:
                    raise ValueError(f"segment {job.key} has no frames")
                for index, seconds in enumerate(job.seconds):
                    encoder.put(self._draw(job, index, seconds))
                    self._progress.drawn(job.first + index)
                    yield from self._ready()
            encoder.finish()
            verifier.finish()
            yield from self._ready()
        finally:
            encoder.abandon()
            verifier.abandon()

    def _draw(self, job: SegmentJob, index: int, seconds: float) -> Drawn:
        """Draw into the one canvas and convert; the conversion is over before the canvas is drawn into again."""
        self._progress.drawing(job.first + index)
        before = self._before(job) if not index else ""
        self._scene.draw(seconds, self._pixels)
        told = fingerprint(self._pixels) if self._testimony is not None and index in job.again else None
        frame = self._converter.convert()
        frame.pts, frame.duration, frame.time_base = index, 1, 1 / self._rate
        luma = luma_picture(frame)
        self._latest = job.first + index, luma
        return Drawn(job, index, frame, luma, before, told)

    def _before(self, job: SegmentJob) -> str:
        """The edge of the frame before a segment: as it was just drawn, else drawn for this alone."""
        if job.before is None:
            return ""
        if self._latest is not None and self._latest[0] == job.first - 1:
            return edge(self._latest[1])
        self._scene.draw(job.before, self._pixels)
        return edge(luma_picture(self._converter.convert()))

    def _verify(self, encoded: Encoded) -> None:
        """Read the file back, so that what is hashed and decoded is what lies on the disk."""
        self._progress.alive()
        job, drawn = encoded.job, encoded.drawn
        data = Path(job.output).read_bytes()
        finished = FinishedSegment(
            key=job.key,
            path=job.output,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            frames=len(drawn),
            check=self._compared(encoded, check_segment(data, drawn)),
            before=encoded.before,
        )
        self._finished.put(finished)

    def _compared(self, encoded: Encoded, check: SegmentCheck) -> SegmentCheck:
        """The check, failed where a frame was another picture when it was drawn a second time."""
        if check.ok and self._testimony is not None:
            for index, drawn in encoded.fingerprints.items():
                again = self._testimony.of(encoded.job.first + index)
                if again is not None and again != drawn:
                    return msgspec.structs.replace(check, ok=False, reason=UNSTEADY, frame=index)
        return check

    def _ready(self) -> Iterator[FinishedSegment]:
        while not self._finished.empty():
            yield self._finished.get()


class SegmentEncoder:
    """Turns drawn frames, in order, into segment files; a new encoder per segment keeps its bytes independent of the others."""

    def __init__(
        self,
        size: tuple[int, int],
        rate: Fraction,
        quality: Quality,
        on_done: Callable[[Encoded], None],
        on_work: Callable[[], None],
    ) -> None:
        self._size, self._rate, self._quality, self._on_done, self._on_work = size, rate, quality, on_done, on_work
        self._drawn: list[Luma] = []
        self._before, self._fingerprints = "", dict[int, int]()
        self._data = io.BytesIO()
        self._container: av.container.OutputContainer
        self._stream: VideoStream

    def add(self, drawn: Drawn) -> None:
        """Encode a frame; the last one of a segment writes its file and hands it on."""
        if drawn.index == 0:
            self._open()
            self._before = drawn.before
        self._container.mux(self._stream.encode(drawn.frame))
        self._drawn.append(drawn.luma)
        if drawn.fingerprint is not None:
            self._fingerprints[drawn.index] = drawn.fingerprint
        if drawn.index + 1 == len(drawn.job.seconds):
            self._close(drawn.job)

    def _open(self) -> None:
        self._drawn, self._data, self._fingerprints = [], io.BytesIO(), {}
        self._container = av.open(self._data, "w", format="mp4", options=BITEXACT)
        self._stream = add_video_stream(self._container, self._size, self._rate, PRESETS[self._quality])

    def _close(self, job: SegmentJob) -> None:
        for packet in self._stream.encode_lazy(None):
            self._container.mux_one(packet)
            self._on_work()
        self._container.close()
        write_whole(Path(job.output), self._data.getbuffer())
        self._on_done(Encoded(job, self._drawn, self._before, self._fingerprints))


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write a file that is either whole or not there. Raises OSError with its errno (a full disk, a missing folder)."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def check_size(size: tuple[int, int]) -> None:
    """Refuse a size that yuv420p cannot hold or no player takes. Raises TemplateRefused."""
    for side, field in zip(size, ("width", "height"), strict=True):
        if side % 2 or not 2 <= side <= LARGEST_SIDE:
            raise TemplateRefused("render.size", f"{field} must be an even number from 2 to {LARGEST_SIDE}, not {side}", field)
