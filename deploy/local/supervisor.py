"""Keeps child processes running: restarts what dies with a growing delay, caps logs, stops all in order."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from deploy.local import frozen, logs
from deploy.local.errors import StackError
from deploy.local.frozen import Watch
from deploy.local.process import Process, Program

FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0  # seconds before a restart
HEALTHY_AFTER = 5.0  # seconds of running after which the delay starts small again
LOG_CHECK_INTERVAL = 10.0  # seconds

Notice = Callable[[str], None]


class Keeper:
    """One program, kept running while `watch` runs. `program` is called before every start, so ports and users may change."""

    def __init__(
        self,
        program: Callable[[], Awaitable[Program]],
        log: Path,
        notice: Notice,
        started: Callable[[], None] | None = None,
        log_cap: int = logs.DEFAULT_CAP,
        watch: Callable[[int], Watch] | None = None,
    ) -> None:
        """With `watch`, which is given a process id, a process that has frozen is ended, and so started again."""
        self._program = program
        self._watch_over = watch
        self._notice = notice
        self._started = started or (lambda: None)
        self._log_cap = log_cap
        self.log = log
        self.process: Process | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self.process.pid if self.process else None

    async def start(self) -> Process:
        """Starts the program once; raises StackError when it cannot be executed."""
        process = Process(await self._program(), self.log)
        process.start()
        self.process = process
        self._started()
        return process

    async def watch(self) -> None:
        """Starts it if it does not run, and starts it again whenever it ends, until cancelled."""
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            reason = await self._run_once()
            if time.monotonic() - began >= HEALTHY_AFTER:
                delay = FIRST_DELAY
            self._notice(f"{reason}; starting it again in {delay:.1f} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)
            self.restarts += 1

    async def _run_once(self) -> str:
        try:
            process = self.process if self.process and self.process.pid else await self.start()
        except (StackError, OSError) as error:
            # A disk that is full now may have room at the next try.
            return str(error)
        code = await self._until_ended(process)
        how = f"ended with code {code}" if code >= 0 else f"was ended by signal {-code}"
        return f"{process.program.name} {how}"

    async def _until_ended(self, process: Process) -> int:
        watch = self._watch_over(process.pid) if self._watch_over is not None and process.pid is not None else None
        checked = -LOG_CHECK_INTERVAL
        while True:
            if time.monotonic() - checked >= LOG_CHECK_INTERVAL:
                checked = time.monotonic()
                logs.cap(self.log, self._log_cap)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(process.wait(), LOG_CHECK_INTERVAL if watch is None else frozen.LOOK)
            if watch is not None and (wrong := watch.look()):
                self._notice(f"{process.program.name} {wrong}; ending it")
                await process.kill()

    async def stop(self) -> None:
        """Stops it and its tree; nothing happens when it does not run."""
        if self.process:
            await self.process.stop()


class Supervisor:
    """Runs named programs of ours with log files in `logs_folder`; stops them in the reverse order of `add`.

    `notice` is called with one line for a person whenever something ends or is started again.
    """

    def __init__(self, logs_folder: Path, notice: Notice | None = None, log_cap: int = logs.DEFAULT_CAP) -> None:
        self._logs = logs_folder
        self._notice = notice or (lambda text: None)
        self._log_cap = log_cap
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running = False

    def add(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        stop_timeout: float = 10.0,
        alive: Path | None = None,
        stopped: int = frozen.STOPPED,
    ) -> None:
        """Adds a program; it starts at once when the supervisor runs. Raises ValueError for a name that is taken.

        With `alive`, a file that the program touches each second, it is ended and started again when it freezes; `stopped` is the number of
        looks at which it may be stopped by a signal.
        """
        if name in self._keepers:
            raise ValueError(f"a process named {name} is there already")
        program = Program(name, argv, env or {}, stop_timeout=stop_timeout)

        async def unchanged() -> Program:
            return program

        watch = None if alive is None else partial(Watch, alive=alive, stopped=stopped)
        self._keepers[name] = Keeper(unchanged, self.log(name), self._notice, log_cap=self._log_cap, watch=watch)
        if self._running:
            self._watch(name)

    def log(self, name: str) -> Path:
        """Where the output of that program goes."""
        return self._logs / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now."""
        return {name: keeper.pid for name, keeper in self._keepers.items() if keeper.pid is not None}

    def restarts(self, name: str) -> int:
        """How often that program was started again."""
        return self._keepers[name].restarts

    async def kill(self, name: str) -> None:
        """Ends it and its tree with SIGKILL, as a fault would; it is started again by itself."""
        process = self._keepers[name].process
        if process:
            await process.kill()

    async def remove(self, name: str) -> None:
        """Stops it for good and forgets it."""
        await self._stop_one(name)
        del self._keepers[name]

    async def start(self) -> None:
        """Starts everything that was added; raises StackError when a program cannot be executed."""
        self._running = True
        for name, keeper in self._keepers.items():
            if keeper.pid is None:
                await keeper.start()
            self._watch(name)

    async def stop(self) -> None:
        """Stops everything in the reverse order of `add`: SIGTERM, then SIGKILL for the whole tree of what is left."""
        self._running = False
        for name in reversed(list(self._keepers)):
            await self._stop_one(name)

    async def run_until(self, stop_event: asyncio.Event) -> None:
        """Starts everything, keeps it running until the event is set (or this is cancelled), then stops everything."""
        try:
            await self.start()
            await stop_event.wait()
        finally:
            await self.stop()

    def _watch(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._keepers[name].watch(), name=f"keep {name}")

    async def _stop_one(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._keepers[name].stop()
