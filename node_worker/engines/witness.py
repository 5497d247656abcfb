"""A second drawing: some frames are drawn again by a process that has drawn nothing before, the last first, and their pixels compared.

What a picture depends on beside its scene and its second (what was drawn before it, what lay in memory) shows there, before anybody sees it.

A process that is loaded anew for each part would take 270 ms. So one is split off when the engine is loaded and has not seen a stranger's byte;
it waits, and for each request splits off another, which seals itself, draws and ends. Where a system cannot split processes, nothing is drawn twice.
"""

import os
import sys
import threading
import traceback
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from gc import freeze
from typing import BinaryIO

import msgspec
import numpy as np

from node_worker.engines.base import Engine, Pixels
from node_worker.engines.protocol import SceneRequest
from node_worker.platform import KILL_SIGNAL, tie_to

DIED = -1  # what a frame is told to be whose second drawing ended its process


class Asked(msgspec.Struct, frozen=True):
    """Frames to be drawn, in this order, counted from the scene's start."""

    number: int
    scene: SceneRequest
    frames: tuple[int, ...]


class Said(msgspec.Struct, frozen=True):
    """A frame's fingerprint; or with frame -1 that this request is over, and by which status its process ended."""

    number: int
    frame: int
    fingerprint: int


def fingerprint(pixels: Pixels) -> int:
    """Of a picture's bytes: CRC-32, a third of what SHA-256 takes; nobody gains by forging it."""
    return zlib.crc32(np.ascontiguousarray(pixels).reshape(-1).data)


def second(frame: int, rate: Fraction, speed: float) -> float:
    """The source second of a scene's frame: frame x speed / rate."""
    return float(frame * Fraction(speed).limit_denominator(1_000_000) / rate)


class Testimony:
    """What was asked for in one request, as far as it has been said; safe to read from a thread beside the one that asked."""

    def __init__(self, number: int, read: Callable[[], Said | None]) -> None:
        self._number, self._read = number, read
        self._said: dict[int, int] = {}
        self._ended: int | None = None  # what is told of frames that never came, once the process has ended
        self._over = False

    def of(self, frame: int) -> int | None:
        """The frame's fingerprint, waited for; DIED if drawing it ended its process; None if nobody can say."""
        while frame not in self._said and not self._over:
            said = self._read()
            if said is None:
                self._over = True
            elif said.number == self._number and said.frame < 0:
                self._over = True
                self._ended = None if said.fingerprint in (0, KILL_SIGNAL) else DIED  # killed from outside says nothing of the template
            elif said.number == self._number:
                self._said[said.frame] = said.fingerprint
        return self._said.get(frame, self._ended)


class Witness:
    """The engine's end of the waiting process."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests, self._answers = requests, answers
        self._decoder = msgspec.json.Decoder(Said)
        self._reading = threading.Lock()
        self._number = 0

    @classmethod
    def start(cls, engine: Engine, seal: Callable[[], object], *close: BinaryIO) -> "Witness | None":
        """Split off the waiting process, which closes the files of this one that are not for it; None where that cannot be.

        `seal` is what must be done before the first byte of a stranger's.
        """
        if sys.platform == "win32":
            return None
        requests_read, requests_write = os.pipe()
        answers_read, answers_write = os.pipe()
        parent = os.getpid()
        freeze()  # what is there by now is not looked at again, so that its pages stay shared
        if not os.fork():
            _serve(requests_read, answers_write, (requests_write, answers_read), (engine, seal, parent), close)
        os.close(requests_read)
        os.close(answers_write)
        return cls(os.fdopen(requests_write, "wb", buffering=0), os.fdopen(answers_read, "rb"))

    def ask(self, scene: SceneRequest, frames: Sequence[int]) -> Testimony:
        """Have frames drawn, the last first."""
        self._number += 1
        asked = Asked(self._number, scene, tuple(sorted(frames, reverse=True)))
        line = memoryview(msgspec.json.encode(asked) + b"\n")
        while line:
            line = line[self._requests.write(line) :]
        return Testimony(self._number, self._read)

    def _read(self) -> Said | None:
        with self._reading:
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
                if not (child := os.fork()):
                    tie_to(own)
                    seal()
                    _testify(line, answers, engine)
                status = os.waitpid(child, 0)[1]
                _say(answers, Said(_number_of(line), -1, os.waitstatus_to_exitcode(status) and (status & 0x7F or 1)))
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
        scene, size = asked.scene, (asked.scene.width, asked.scene.height)
        opened = engine.open(scene.spec, scene.files, size, scene.background, scene.fonts, plain=scene.plain)
        pixels = np.zeros((size[1], size[0], 4), np.uint8)
        rate = Fraction(scene.rate_num, scene.rate_den)
        for frame in asked.frames:
            opened.draw(second(frame, rate, scene.spec.speed), pixels)
            _say(answers, Said(asked.number, frame, fingerprint(pixels)))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _say(answers: int, said: Said) -> None:
    os.write(answers, msgspec.json.encode(said) + b"\n")
