"""The daemon's side of the engine process: start it, ask it, watch it, end it, and say how it died."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec
import psutil

from node_worker.cage.environment import clean
from node_worker.engines import protocol
from node_worker.engines.base import TemplateRefused
from node_worker.engines.hatch import Hatch, NotAsked
from node_worker.engines.mark import NONE, WatchedMark
from node_worker.failures import disk_full
from node_worker.platform import KILL_SIGNAL, MEMORY, SPAWN, ProcessTree, process_tree

CrashKind = Literal["signal", "exit", "oom", "disk_full", "hang", "error", "cancelled", "unsteady"]
TAIL = 4096  # bytes kept of what the process last wrote to standard error
LONGEST_LINE = 32 << 20  # bytes; a scan of a very large template
LEAVE_SECONDS = 2.0  # granted to an idle process to end by itself
SPARE_FRAMES = 6  # that loading and preparing a scene may take the time of, in what a request may compute
IDLE_COMPUTING = 10.0  # seconds of processor time between two requests after which a process is not trusted any more
EXIT_LOOK = 0.002  # seconds between two looks at a process that is about to end
NO_MEMORY = (b"bad_alloc", b"MemoryError", b"Cannot allocate memory")


class EngineCrashed(Exception):
    """The process died, hung or failed; `last_frame` is the frame it was drawing (else the newest it told), -1 if none."""

    def __init__(
        self, kind: CrashKind, *, signal: int = 0, exit_code: int = 0, last_frame: int = NONE, detail: str = "", log_tail: str = ""
    ) -> None:
        super().__init__(f"the engine ended by {kind} (signal {signal}, exit code {exit_code}, last frame {last_frame}) {detail}".rstrip())
        self.kind, self.signal, self.exit_code = kind, signal, exit_code
        self.last_frame, self.detail, self.log_tail = last_frame, detail, log_tail


class EngineProcess:
    """One engine process that answers one request at a time; after its death the next request starts another."""

    def __init__(
        self,
        *,
        engine: str = "node_worker.engines.lottie:LottieEngine",
        folder: Path | None = None,
        reads: tuple[str, ...] = (),
        memory: int = MEMORY,
        stall_seconds: float = 10.0,
        start_seconds: float = 30.0,
        environment: dict[str, str] | None = None,
        witness: bool = True,
    ) -> None:
        """`stall_seconds` without an event while it works is a hang; `memory` is in bytes, see platform.limit_engine.

        `folder` is made for each process and goes with it; it must be on the disk of what is handed in and taken out, or that is copied.
        `reads` is what the engine may read beside Python, its own code and what it is handed: files or folders that whoever runs it has.
        `witness`: whether it can have frames drawn a second time.
        """
        # -P: the folder in which the daemon happens to run is no place to take code from.
        self._command = [sys.executable, "-P", "-m", "node_worker.engines.child", "--engine", engine, "--memory", str(memory)]
        self._command += [word for path in reads for word in ("--reads", path)]
        self._command += ["--witness"] if witness else []
        self._environment = environment or {}
        self._hatch = Hatch(folder or Path(tempfile.gettempdir(), f"flatrender-engine-{uuid4().hex}"), engine)
        self._memory, self._stall_seconds, self._start_seconds = memory, stall_seconds, start_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._tree: ProcessTree | None = None
        self._reading: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[protocol.Ready] | None = None
        self._tail = bytearray()
        self._turn = asyncio.Lock()
        self._last_frame = NONE
        self._waited = 0.0  # seconds of a request in which we waited for the process
        self._rested = 0.0  # seconds that the process had computed when it last answered
        self._mark: WatchedMark | None = None
        self._ended: CrashKind | None = None  # why we ended it ourselves
        self._decoder = msgspec.json.Decoder(protocol.Event)
        self.ready: protocol.Ready | None = None

    @property
    def pid(self) -> int | None:
        """The living process, or None."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def cpu_seconds(self) -> float:
        """Processor time that the living process has used, 0 if there is none."""
        try:
            times = psutil.Process(self.pid).cpu_times() if self.pid else None
        except psutil.Error:
            return 0.0
        return float(times.user + times.system) if times else 0.0

    async def start(self) -> protocol.Ready:
        """Start the process and wait until its engine is loaded; does nothing if it lives. Raises EngineCrashed."""
        async with self._turn:
            return await self._living()

    async def run(self, request: protocol.Request, *, stall_seconds: float | None = None) -> AsyncIterator[protocol.Event]:
        """Ask and yield the events up to Done; leaving early or being cancelled ends the process.

        Raises TemplateRefused if the file or a value is refused, EngineCrashed for everything else.
        """
        stall = stall_seconds or self._stall_seconds
        async with self._turn:
            await self._living()
            self._tail.clear()
            self._last_frame = NONE
            if self._mark is not None:
                self._mark.frame = NONE
            answered = False
            try:
                self._send(self._hatch.inside(request))
                longest = stall * _longest(request)
                enough, self._waited = self._rested + longest, 0.0
                while not isinstance(event := await self._event(stall), protocol.Done):
                    if self.cpu_seconds() > enough or self._waited > longest:
                        self._end("hang")
                        raise await self._crashed("it works without an end")
                    if isinstance(event, protocol.Refused):
                        answered = True
                        raise TemplateRefused(event.code, event.detail, event.field)
                    if isinstance(event, protocol.Failed):
                        raise EngineCrashed(event.kind, last_frame=self._newest(), detail=event.detail, log_tail=self._log())
                    if isinstance(event, protocol.Frame):
                        self._last_frame = event.frame
                    yield self._taken(event)
                answered = True
            finally:
                self._rested = self.cpu_seconds()
                if not (answered and self._hatch.clear()):
                    self._end("cancelled")
                    await asyncio.shield(self._gone())

    def cancel(self) -> None:
        """End what is being worked on by killing the process, and start a new one; whoever runs gets EngineCrashed cancelled."""
        self._end("cancelled")
        self._renewal = asyncio.create_task(self.start())
        self._renewal.add_done_callback(_look_at)

    async def kill(self) -> None:
        """Kill the process and all that it started, and wait until it is gone."""
        self._end("cancelled")
        await self._gone()

    async def close(self) -> None:
        """Let an idle process end by itself, or kill it after a moment; a working one is killed."""
        if self._renewal is not None:
            self._renewal.cancel()
        if self._process is not None and self._process.stdin is not None and not self._turn.locked():
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), LEAVE_SECONDS)
        await self.kill()

    async def _living(self) -> protocol.Ready:
        if self.pid is not None and self.ready is not None:
            if self.cpu_seconds() - self._rested < IDLE_COMPUTING:
                return self.ready
            self._end("cancelled")
        await self._gone()
        self._tail.clear()
        self._ended, self.ready, self._process = None, None, None
        try:
            self._process = await self._spawned()
        except OSError as error:  # no room, no processes, no memory: none of it is the caller's
            await self._gone()
            raise EngineCrashed("disk_full" if disk_full(error) else "error", detail=f"it cannot be started: {error}") from error
        self._tree = process_tree(self._process.pid, self._memory)
        self._reading = asyncio.create_task(self._read_log(self._process))
        try:
            event = await self._event(self._start_seconds)
        except BaseException:
            self._end("cancelled")
            await asyncio.shield(self._gone())
            raise
        assert isinstance(event, protocol.Ready) and self._mark is not None, "the first event is Ready"
        self._mark.hide()
        self.ready, self._rested = event, self.cpu_seconds()
        return event

    async def _spawned(self) -> asyncio.subprocess.Process:
        """A new process in a new folder. Raises OSError."""
        place = self._hatch.open()
        self._mark = WatchedMark(place.folder)
        return await asyncio.create_subprocess_exec(
            *self._command,
            *("--parent", str(os.getpid()), "--mark", str(self._mark.path)),
            *("--folder", str(place.folder), "--user", str(place.user), "--group", str(place.group)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=clean(place.made, self._environment),
            **SPAWN,
        )

    def _send(self, request: protocol.Request) -> None:
        """Write without waiting: a request is small, and a dead reader shows as the end of its events."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(request) + b"\n")

    async def _event(self, within: float) -> protocol.Event:
        """Wait for the next event. Raises EngineCrashed after `within` silent seconds, at the end of output, or on nonsense."""
        assert self._process is not None and self._process.stdout is not None
        begun = time.monotonic()
        await asyncio.sleep(0)  # lines that are there already come without waiting: others must have their turn between them
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            self._end("hang")
            raise await self._crashed() from None
        except ValueError:  # a line over the limit
            line = b"too long\n"
        self._waited += time.monotonic() - begun
        if not line.endswith(b"\n"):
            raise await self._crashed()
        try:
            event: protocol.Event = self._decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EngineCrashed("error", last_frame=self._newest(), detail=f"not an event: {error}", log_tail=self._log()) from error
        return event

    def _taken(self, event: protocol.Event) -> protocol.Event:
        """The event with its file out of the cage. Raises EngineCrashed where there is none, OSError (a full disk)."""
        try:
            return self._hatch.outside(event)
        except (NotAsked, FileNotFoundError) as error:
            raise EngineCrashed("error", last_frame=self._newest(), detail=str(error), log_tail=self._log()) from error

    async def _crashed(self, detail: str = "") -> EngineCrashed:
        """Wait for the death of a process that has closed its output, and say what it was."""
        process = self._process
        assert process is not None
        try:
            await asyncio.wait_for(_exit_of(process), LEAVE_SECONDS)
        except TimeoutError:
            self._end("hang")
        await self._gone()
        code = process.returncode or 0
        number = -code if code < 0 else 0
        kind = self._ended or self._kind(number)
        newest, log = self._last_frame, self._log()
        return EngineCrashed(kind, signal=number, exit_code=max(code, 0), last_frame=newest, detail=detail, log_tail=log)

    def _kind(self, number: int) -> CrashKind:
        """Class a death that we did not cause: a SIGKILL from elsewhere is the kernel's, out of memory."""
        if any(text in self._tail for text in NO_MEMORY) or number == KILL_SIGNAL:
            return "oom"
        return "signal" if number else "exit"

    def _end(self, why: CrashKind) -> None:
        """Kill the process tree, at once."""
        if self.pid is None:
            return
        self._ended = self._ended or why
        assert self._tree is not None, "a process that lives has its tree"
        self._tree.kill()

    async def _gone(self) -> None:
        """Wait until the process is reaped, with what it left behind, and its log read to the end."""
        process = self._process
        if self._process is not None:
            await _exit_of(self._process)
        if self._tree is not None:  # a process that died by itself leaves its children
            self._tree.kill()
            self._tree = None
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=LEAVE_SECONDS)  # a child that got away may hold the log open for ever
            self._reading.cancel()
        if self._mark is not None:
            self._last_frame = self._newest()
            self._mark.remove()
            self._mark = None
        if process is not None and self._process is process:  # who waited long must not close the hatch of its successor
            self._hatch.close()

    def _newest(self) -> int:
        """The frame being drawn, or else the newest one told."""
        drawing = NONE if self._mark is None else self._mark.frame
        return self._last_frame if drawing == NONE else drawing

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while part := await process.stderr.read(TAIL):
            self._tail += part
            del self._tail[:-TAIL]

    def _log(self) -> str:
        return self._tail.decode(errors="replace")


def _longest(request: protocol.Request) -> int:
    """How often the time of a hang a request may compute: on every core for each frame, more than any that goes on can use."""
    match request:
        case protocol.DrawSegments(segments=segments):
            frames = sum(one.count for one in segments)
        case protocol.Assemble(segments=joined):
            frames = sum(one.frames for one in joined)
        case _:
            frames = 1
    return (frames + SPARE_FRAMES) * (os.cpu_count() or 1)


async def _exit_of(process: asyncio.subprocess.Process) -> None:
    """Wait until the process has ended; its own `wait` waits for its output too, which a child may hold open for ever."""
    while process.returncode is None:
        await asyncio.sleep(EXIT_LOOK)


def _look_at(renewal: asyncio.Task[protocol.Ready]) -> None:
    """A restart that fails shows again at the next request, which starts anew; here it only must not go unread."""
    if not renewal.cancelled():
        renewal.exception()
