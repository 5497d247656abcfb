"""A second drawing: some frames are drawn again by a process that has drawn nothing before, in another order, and compared.

What a picture depends on beside its scene and its second (what was drawn before it, what lay in memory) shows there, before anybody sees
it.

A process that is loaded anew for each part would take 270 ms. So one is split off when the engine is loaded and has not seen a stranger's
byte; it waits, and for each request splits off another, which seals itself, draws and ends. Where a system cannot split processes,
nothing is drawn twice.
"""

import os
import select
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from gc import freeze
from typing import BinaryIO

import msgspec
import numpy as np

from contracts.spec import second_of
from node_worker.encode.pixels import fingerprint
from node_worker.engines.base import Engine, TemplateRefused, nothing
from node_worker.engines.protocol import SceneRequest
from node_worker.engines.scenes import SceneCache
from node_worker.engines.ticker import INTERVAL, Opening
from node_worker.platform import CAN_SPLIT, KILL_SIGNAL, end_of, split_off, tie_to

DIED = -1  # what a frame is told to be whose second drawing ended its process
OVER, ALIVE = -1, -2  # what is said in place of a frame: that a request is over, that its scene is still being opened


class Asked(msgspec.Struct, frozen=True):
    """Frames to be drawn, in this order, counted from the scene's start."""

    number: int
    scene: SceneRequest
    frames: tuple[int, ...]


class Said(msgspec.Struct, frozen=True):
    """A frame's fingerprint; or with OVER by which signal or exit code a request's process ended, 0 for well; or that it is ALIVE."""

    number: int
    frame: int
    fingerprint: int


def by_twos(frames: Iterable[int]) -> list[int]:
    """Another order than the first time, of which the first segment need not wait for the last: of each two neighbours the later first."""
    ordered = sorted(frames)
    return [frame for at in range(0, len(ordered), 2) for frame in reversed(ordered[at : at + 2])]


class Testimony:
    """What was asked for in one request, as far as it has been said; read by one thread, which need not be the one that asked.

    `alive` is called with all that is heard: the second process may take as long to open a scene as the first one did, and meanwhile
    whoever waits for it is no process that hangs.
    """

    def __init__(self, witness: "Witness", scene: SceneRequest, frames: Sequence[int], alive: Callable[[], None] = nothing) -> None:
        self._witness, self._scene, self._alive = witness, scene, alive
        self._left = by_twos(frames)
        self._said: dict[int, int] = {}
        self._number = witness.ask(scene, self._left)

    def of(self, frame: int) -> int | None:
        """The frame's fingerprint, waited for; DIED if drawing it ended its process; None if nobody can say."""
        while frame not in self._said and self._left:
            said = self._witness.read()
            self._alive()
            if said is None:
                self._left = []
            elif said.number == self._number and said.frame != ALIVE:
                self._hear(said)
        return self._said.get(frame)

    def _hear(self, said: Said) -> None:
        if said.frame >= 0:
            self._left.remove(said.frame)
            self._said[said.frame] = said.fingerprint
        elif said.fingerprint in (0, KILL_SIGNAL):  # killed from outside says nothing of the template
            self._left = []
        else:
            self._said[self._left.pop(0)] = DIED
            if self._left:
                self._number = self._witness.ask(self._scene, self._left)


class Witness:
    """The engine's end of the waiting process."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers  # ends of pipes
        self._decoder = msgspec.json.Decoder(Said)
        self._number = 0
        self._gone = False
        self._begun, self._heard = b"", deque[bytes]()  # of a line, and lines that were not read yet

    @classmethod
    def start(cls, engine: Engine, seal: Callable[[], object], *close: BinaryIO) -> "Witness | None":
        """Split off the waiting process, which closes the files of this one that are not for it; None where that cannot be.

        `seal` is what must be done before the first byte of a stranger's.
        """
        if not CAN_SPLIT:
            return None
        requests_read, requests_write = os.pipe()
        answers_read, answers_write = os.pipe()
        parent = os.getpid()
        freeze()  # what is there by now is not looked at again, so that its pages stay shared
        if not split_off():
            _serve(requests_read, answers_write, (requests_write, answers_read), (engine, seal, parent), close)
        os.close(requests_read)
        os.close(answers_write)
        return cls(requests_write, answers_read)

    def ask(self, scene: SceneRequest, frames: Sequence[int]) -> int:
        """Have frames drawn in their order by a fresh process; the number by which its answers are known."""
        self._number += 1
        line = memoryview(msgspec.json.encode(Asked(self._number, scene, tuple(frames))) + b"\n")
        while line and not self._gone:
            # What is said of an earlier request, which nobody waited for, is taken meanwhile: else each side may wait for the other.
            readable, writable, _ = select.select([self._answers], [self._requests], [])
            if readable:
                self._hear()
            if writable and not self._gone:
                line = line[self._wrote(line[: select.PIPE_BUF]) :]
        return self._number

    def read(self) -> Said | None:
        """The next answer, waited for; None if the process that waits has ended."""
        while not self._heard and not self._gone:
            self._hear()
        return self._decoder.decode(self._heard.popleft()) if self._heard else None

    def _hear(self) -> None:
        said = os.read(self._answers, 1 << 16)
        *lines, self._begun = (self._begun + said).split(b"\n")
        self._heard += lines
        if not said:
            self._lost()

    def _wrote(self, line: memoryview) -> int:
        try:
            return os.write(self._requests, line)
        except BrokenPipeError:
            self._lost()
            return 0

    def _lost(self) -> None:
        """The process that waits was ended from outside; films are drawn on, and nothing more is drawn twice by this engine."""
        if not self._gone:
            sys.stderr.write("the process that draws a second time has ended: nothing is drawn twice\n")
        self._gone = True


def _serve(
    requests: int, answers: int, other_ends: tuple[int, ...], means: tuple[Engine, Callable[[], object], int], close: tuple[BinaryIO, ...]
) -> None:
    """The waiting process: it reads nothing of what it hands on; never returns."""
    try:
        engine, seal, parent = means
        tie_to(parent)
        for one in other_ends:
            os.close(one)
        for file in close:
            file.close()
        own = os.getpid()
        with os.fdopen(requests, "rb") as lines:
            for line in lines:
                try:
                    child = split_off()
                except OSError:  # no memory or no processes just now, which says nothing of the template
                    traceback.print_exc()
                    _say(answers, Said(_number_of(line), OVER, 0))
                    continue
                if not child:
                    tie_to(own)
                    seal()
                    _testify(line, answers, engine)
                _say(answers, Said(_number_of(line), OVER, abs(end_of(child))))
    finally:
        os._exit(0)


def _number_of(line: bytes) -> int:
    """The number of a request, which is the first thing in its line: {"number":7, ..."""
    digits = line[:40].partition(b":")[2].partition(b",")[0]
    return int(digits) if digits.isdigit() else 0


def _testify(line: bytes, answers: int, engine: Engine) -> None:
    """Draw what is asked for and tell each picture's fingerprint; never returns."""
    code = 1
    try:
        asked = msgspec.json.decode(line, type=Asked)
        request, alive = asked.scene, _alive(answers, asked.number)
        with Opening(alive):
            scene = SceneCache(engine).get(request, alive=alive)
        pixels = np.zeros((request.height, request.width, 4), np.uint8)
        rate = Fraction(request.rate_num, request.rate_den)
        for frame in asked.frames:
            scene.draw(second_of(frame, rate, request.spec.speed), pixels)
            _say(answers, Said(asked.number, frame, fingerprint(pixels)))
        code = 0
    except (MemoryError, OSError, TemplateRefused):
        # The first process has opened it: this machine is short of memory, of room or of time, which says nothing of the template.
        traceback.print_exc()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _alive(answers: int, number: int) -> Callable[[], None]:
    """What tells a few times a second that a scene is still being opened."""
    told = time.monotonic()

    def alive() -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= INTERVAL:
            told = now
            _say(answers, Said(number, ALIVE, 0))

    return alive


def _say(answers: int, said: Said) -> None:
    os.write(answers, msgspec.json.encode(said) + b"\n")
