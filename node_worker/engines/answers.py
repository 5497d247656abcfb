"""What an engine process does: reads requests and answers each with events."""

import errno
import importlib
import threading
import traceback
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import msgspec

from contracts.spec import second_of
from node_worker.cage.guards import Guard
from node_worker.encode.assemble import assemble
from node_worker.encode.picture import picture
from node_worker.encode.presets import encoder_build
from node_worker.encode.segment import SegmentJob, SegmentPipeline
from node_worker.engines import protocol
from node_worker.engines.base import Engine, Scene, TemplateRefused
from node_worker.engines.mark import FrameMark
from node_worker.engines.scenes import SceneCache
from node_worker.engines.ticker import Emitter, Opening, Ticker
from node_worker.engines.witness import Testimony, Witness
from node_worker.inspect import inspect
from node_worker.platform import release_memory

IDLE_SECONDS = 2.0  # without a request, after which memory is given back
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Child:
    """Answers requests one after the other, in the main thread, where the engine is also drawn."""

    def __init__(self, engine: Engine, events: BinaryIO, mark: FrameMark, witness: Witness | None = None) -> None:
        self._engine, self._mark, self._witness = engine, mark, witness
        self._emit = Emitter(events)
        self._scenes = SceneCache(engine)

    def serve(self, requests: BinaryIO, guards: tuple[Guard, ...]) -> None:
        """Tell what this process is held in, then answer requests until their end."""
        engine = self._engine
        self._emit(protocol.Ready(engine=engine.name, engine_build=engine.build, encoder_build=encoder_build(), guards=guards))
        decoder = msgspec.json.Decoder(protocol.Request)
        idle = threading.Timer(IDLE_SECONDS, release_memory)
        for line in requests:
            idle.cancel()
            self._emit(protocol.Started())
            self._emit(self._answer(decoder, line))
            idle = threading.Timer(IDLE_SECONDS, release_memory)
            idle.daemon = True
            idle.start()

    def _answer(self, decoder: msgspec.json.Decoder[protocol.Request], line: bytes) -> protocol.Event:
        """Do what a line asks; return its last event."""
        try:
            match decoder.decode(line):
                case protocol.Inspect() as asked:
                    with Opening(Ticker(self._emit, self._mark).alive):
                        found = inspect(Path(asked.path), Path(asked.work), self._engine)
                    self._emit(protocol.Inspected(inspection=found))
                case protocol.DrawSegments() as asked:
                    self._draw(asked)
                case protocol.DrawPicture() as asked:
                    self._draw_picture(asked)
                case protocol.Assemble() as asked:
                    self._assemble(asked)
        except TemplateRefused as refused:
            return protocol.Refused(code=refused.code, detail=refused.detail, field=refused.field)
        except Exception as error:  # told to the host, which decides
            traceback.print_exc()
            return failure(error)
        return protocol.Done()

    def _scene(self, asked: protocol.SceneRequest, second: float | None = None) -> Scene:
        """The scene, with its warnings told. Raises TemplateRefused."""
        alive = Ticker(self._emit, self._mark).alive
        with Opening(alive):
            scene = self._scenes.get(asked, second, alive)
        for warning in scene.warnings:
            self._emit(protocol.Warned(warning=warning))
        return scene

    def _draw(self, asked: protocol.DrawSegments) -> None:
        rate = Fraction(asked.rate_num, asked.rate_den)
        ticker = Ticker(self._emit, self._mark)
        scene = self._scene(asked)
        # Only now: what is unpacked of a template is there, and the second process has nothing to unpack beside this one.
        again = [frame for task in asked.segments for frame in task.again]
        testimony = Testimony(self._witness, _scene_of(asked), again, ticker.alive) if again and self._witness is not None else None
        pipeline = SegmentPipeline(scene, (asked.width, asked.height), rate, asked.quality, ticker, testimony)
        try:
            for segment in pipeline.run(job(task, rate, asked.spec.speed) for task in asked.segments):
                self._emit(protocol.SegmentDone(segment=segment))
        except BaseException:
            self._scenes.forget(asked)
            raise
        ticker.flush()

    def _draw_picture(self, asked: protocol.DrawPicture) -> None:
        rate = Fraction(asked.rate_num, asked.rate_den)
        moment = second_of(asked.frame, rate, asked.spec.speed)
        scene = self._scene(asked, moment)
        try:
            done = picture(scene, (asked.width, asked.height), moment, Path(asked.output))
        except BaseException:
            self._scenes.forget(asked, moment)
            raise
        self._emit(done)

    def _assemble(self, asked: protocol.Assemble) -> None:
        rate = Fraction(asked.rate_num, asked.rate_den)
        ticker = Ticker(self._emit, self._mark)
        facts = assemble(asked.segments, Path(asked.output), rate, asked.audio, asked.files, ticker)
        ticker.flush()
        self._emit(protocol.Assembled(facts=facts))


def job(task: protocol.SegmentTask, rate: Fraction, speed: float) -> SegmentJob:
    """Give each frame of a segment its source second, the same on whatever node it is drawn."""
    seconds = tuple(second_of(frame, rate, speed) for frame in range(task.first, task.first + task.count))
    before = second_of(task.first - 1, rate, speed) if task.first else None
    again = frozenset(frame - task.first for frame in task.again)
    return SegmentJob(key=task.key, first=task.first, seconds=seconds, output=task.output, before=before, again=again)


def _scene_of(asked: protocol.DrawSegments) -> protocol.SceneRequest:
    """What of a request says how its frames look."""
    return protocol.SceneRequest(**{name: getattr(asked, name) for name in protocol.SceneRequest.__struct_fields__})


def failure(error: Exception) -> protocol.Failed:
    """Class an error: no memory, no space, or a fault of ours."""
    number = error.errno or 0 if isinstance(error, OSError) else 0
    if isinstance(error, MemoryError):
        return protocol.Failed(kind="oom", detail=str(error) or "out of memory", errno=errno.ENOMEM)
    return protocol.Failed(kind="disk_full" if number in FULL else "error", detail=f"{type(error).__name__}: {error}", errno=number)


def load(name: str) -> Engine:
    """Make an engine of the class "module:Class"."""
    module, _, kind = name.partition(":")
    engine: Engine = getattr(importlib.import_module(module), kind)()
    return engine
