"""One child process that dies with its parent, writes to a log file, and can be stopped with its whole tree."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.local import logs
from deploy.local.errors import StackError

PR_SET_PDEATHSIG = 1  # linux/prctl.h

PRIVATE = 0o077  # taken from the modes of all that a program writes: it lies in our data folder, and is nobody else's


@dataclass(frozen=True)
class Program:
    """What to start and how to stop it; `env` is added to the parent's environment unless `clean_env`."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    clean_env: bool = False
    cwd: Path | None = None
    user: int | None = None
    group: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 10.0  # seconds until SIGKILL
    death_signal: signal.Signals = signal.SIGKILL  # what it gets when the parent dies


class Process:
    """A running child. `start` must be called from the thread that lives as long as the child should (Linux ties it to that thread)."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the program. Raises StackError when it cannot be executed."""
        program = self.program
        environment = dict(program.env) if program.clean_env else {**os.environ, **program.env}
        output = logs.open_log(self.log)
        try:
            self._popen = subprocess.Popen(
                list(program.argv),
                env=environment,
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # An own session: Ctrl-C in the terminal reaches the supervisor only, which stops the rest in order.
                start_new_session=True,
                user=program.user,
                group=program.group,
                extra_groups=[] if program.user is not None else None,
                umask=PRIVATE,
                preexec_fn=_die_with_parent(program.death_signal),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StackError(f"{program.name} cannot be started: {error} ({program.argv[0]})") from error
        finally:
            os.close(output)

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), None while it runs or before its start."""
        return self._popen.poll() if self._popen is not None else None

    async def wait(self) -> int:
        """Waits for the end and returns the exit code."""
        if self._popen is None:
            raise RuntimeError(f"{self.program.name} was not started")
        if self._popen.poll() is None:
            await _until_ended(self._popen)
        return self._popen.wait()

    async def stop(self) -> None:
        """Asks it to stop with its signal, waits, then ends what is left of its tree with SIGKILL."""
        if self.pid is None:
            return
        tree = descendants(self.pid)  # their parent may be gone when they are looked for again
        if self.program.stop_signal != signal.SIGKILL:
            self._signal(self.program.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), self.program.stop_timeout)
        await self._end(tree)

    async def kill(self) -> None:
        """Ends it and its whole tree with SIGKILL, now."""
        if self.pid is not None:
            await self._end([])

    async def _end(self, known: Sequence[psutil.Process]) -> None:
        # Children may have sessions of their own (PostgreSQL's do), so the process group does not reach them all.
        tree = [*known, *(_frozen_tree(self.pid) if self.pid is not None else ())]
        for child in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._end_group()
        await self.wait()
        while any(is_alive(child) for child in tree):
            await asyncio.sleep(0.01)

    def _end_group(self) -> None:
        """What the program started last, and nobody has seen, is still in its group, which is named by its number."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _signal(self, which: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(which)


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below `pid`, found by their parents."""
    try:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
        return found
    except psutil.NoSuchProcess:
        return []


def _frozen_tree(pid: int) -> list[psutil.Process]:
    """A process and all below it, held still: what is killed while it starts children would leave the latest behind."""
    held: dict[int, psutil.Process] = {}
    try:
        found = [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []
    while found:
        for process in found:
            held[process.pid] = process
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        found = [process for process in descendants(pid) if process.pid not in held]
    return list(held.values())


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a dead one that nobody collects (a container without init) does not count."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _until_ended(popen: subprocess.Popen[bytes]) -> None:
    if not hasattr(os, "pidfd_open"):
        while popen.poll() is None:
            await asyncio.sleep(0.1)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(popen.pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _die_with_parent(which: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Everything is looked up before the fork: the child of a process with threads must not import or allocate more than it has to.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent, number = os.getpid(), int(which)

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        # The parent may have died before the line above.
        if os.getppid() != parent:
            os._exit(1)

    return tie
