"""The child's way to speak: one event per line, and frame ticks a few times a second."""

import threading
import time
from collections.abc import Callable
from typing import BinaryIO, Self

import msgspec

from node_worker.encode.progress import Progress
from node_worker.engines import protocol
from node_worker.engines.mark import NONE, FrameMark

INTERVAL = 0.25  # seconds between frame events
OPENING = 40.0  # seconds of processor time in which a file is opened, beyond what tells by itself that it goes on
IDLING = 4  # times as long it may take where others have the processor


class Emitter:
    """Writes events, each whole, from any thread."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder()

    def __call__(self, event: protocol.Event) -> None:
        line = memoryview(self._encoder.encode(event) + b"\n")
        with self._lock:
            while line:
                line = line[self._out.write(line) :]


class Ticker(Progress):
    """Tells the first frame at once, later ones four times a second, and that slow work goes on without new frames."""

    def __init__(self, emit: Emitter, mark: FrameMark) -> None:
        self._emit, self._mark = emit, mark
        self._frame, self._count, self._told = -1, 0, 0
        self._next = 0.0

    def drawing(self, frame: int) -> None:
        """Leave the frame's number for the host, should this process die drawing it."""
        self._mark.frame = frame

    def drawn(self, frame: int) -> None:
        """Tell a frame, if it is time."""
        self._frame, self._count = frame, self._count + 1
        self.alive()

    def alive(self) -> None:
        """Tell the newest frame again, if it is time; before the first, that the request is worked on."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            if self._count:
                self._tell()
            else:
                self._emit(protocol.Started())

    def flush(self) -> None:
        """Tell the last frame if it was not told; nothing is being drawn any more."""
        self._mark.frame = NONE
        if self._told < self._count:
            self._tell()

    def _tell(self) -> None:
        self._told = self._count
        self._emit(protocol.Frame(frame=self._frame, count=self._count))


class Opening:
    """Tells that a file is still being opened, while other threads of this process have their turns.

    What a stranger's file asks for is bounded by counts, and may still take longer on a busy machine than a process may be silent. What
    never ends is a hang all the same: nothing more is told after `most` seconds of processor time.
    """

    def __init__(self, alive: Callable[[], None], most: float = OPENING) -> None:
        self._alive, self._most = alive, most
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="opening", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        worked, begun = time.process_time(), time.monotonic()
        while not self._over.wait(INTERVAL):
            if time.process_time() - worked > self._most or time.monotonic() - begun > IDLING * self._most:
                return
            self._alive()
