"""A second drawing: some frames are drawn again by a process that has drawn nothing before, in another order, and compared.

What a picture depends on beside its scene and its second (what was drawn before it, what lay in memory) shows there, before anybody sees
it.

A process that is loaded anew for each part would take 270 ms. So one is split off when the engine is loaded and has not seen a stranger's
byte; it waits, and for each request splits off another, which seals itself, draws and ends. Where a system cannot split processes,
nothing is drawn twice.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from gc import freeze
from typing import BinaryIO

import msgspec
import numpy as np

from contracts.spec import second_of
from node_worker.encode.pixels import fingerprint
from node_worker.engines.base import Engine
from node_worker.engines.protocol import SceneRequest
from node_worker.engines.scenes import SceneCache
from node_worker.platform import CAN_SPLIT, KILL_SIGNAL, end_of, split_off, tie_to

DIED = -1  # what a frame is told to be whose second drawing ended its process


class Asked(msgspec.Struct, frozen=True):
    """Frames to be drawn, in this order, counted from the scene's start."""

    number: int
    scene: SceneRequest
    frames: tuple[int, ...]


class Said(msgspec.Struct, frozen=True):
    """A frame's fingerprint; or with frame -1 that this request is over, and by which signal or exit code its process ended, 0 for well."""

    number: int
    frame: int
    fingerprint: int


def by_twos(frames: Iterable[int]) -> list[int]:
    """Another order than the first time, of which the first segment need not wait for the last: of each two neighbours the later first."""
    ordered = sorted(frames)
    return [frame for at in range(0, len(ordered), 2) for frame in reversed(ordered[at : at + 2])]


class Testimony:
    """What was asked for in one request, as far as it has been said; read by one thread, which need not be the one that asked."""

    def __init__(self, witness: "Witness", scene: SceneRequest, frames: Sequence[int]) -> None:
        self._witness, self._scene = witness, scene
        self._left = by_twos(frames)
        self._said: dict[int, int] = {}
        self._number = witness.ask(scene, self._left)

    def of(self, frame: int) -> int | None:
        """The frame's fingerprint, waited for; DIED if drawing it ended its process; None if nobody can say."""
        while frame not in self._said and self._left:
            said = self._witness.read()
            if said is None:
                self._left = []
            elif said.number == self._number:
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

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests, self._answers = requests, answers
        self._decoder = msgspec.json.Decoder(Said)
        self._number = 0

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
        return cls(os.fdopen(requests_write, "wb", buffering=0), os.fdopen(answers_read, "rb"))

    def ask(self, scene: SceneRequest, frames: Sequence[int]) -> int:
        """Have frames drawn in their order by a fresh process; the number by which its answers are known."""
        self._number += 1
        line = memoryview(msgspec.json.encode(Asked(self._number, scene, tuple(frames))) + b"\n")
        while line:
            line = line[self._requests.write(line) :]
        return self._number

    def read(self) -> Said | None:
        """The next answer, waited for; None if the process that waits has ended."""
        line = self._answers.readline()
        return self._decoder.decode(line) if line.endswith(b"\n") else None


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
                if not (child := split_off()):
                    tie_to(own)
                    seal()
                    _testify(line, answers, engine)
                _say(answers, Said(_number_of(line), -1, abs(end_of(child))))
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
        request, scene = asked.scene, SceneCache(engine).get(asked.scene)
        pixels = np.zeros((request.height, request.width, 4), np.uint8)
        rate = Fraction(request.rate_num, request.rate_den)
        for frame in asked.frames:
            scene.draw(second_of(frame, rate, request.spec.speed), pixels)
            _say(answers, Said(asked.number, frame, fingerprint(pixels)))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _say(answers: int, said: Said) -> None:
    os.write(answers, msgspec.json.encode(said) + b"\n")
