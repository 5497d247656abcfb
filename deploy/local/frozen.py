"""Notices a process that has frozen: stopped by a signal, or without a sign of life though nothing keeps it busy."""

import time
from pathlib import Path

import psutil

LOOK = 2.0  # seconds between looks
STOPPED = 3  # looks in a row at which a process is stopped: no longer than a standby waits for a leader
SILENT = 8  # looks in a row without a sign of life, and without any work of its processors
BUSY = 60  # looks in a row without a sign of life, whatever it does: a loop without an end is frozen too
HELD_UP = 2 * LOOK  # seconds after the last look from which on it was this process that was held up
_STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
_AT_WORK = (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)  # a machine that is slow gives it no turn, or no answer of its disk


class Watch:
    """Looks at one process, whose file `alive` is touched each second; a slow machine makes it look longer, never sooner."""

    def __init__(self, pid: int, alive: Path, stopped: int = STOPPED) -> None:
        """`stopped` is the number of looks at which it may be stopped."""
        self._pid, self._alive, self._most_stopped = pid, alive, stopped
        alive.unlink(missing_ok=True)  # the sign of the one before
        self._looked = time.monotonic()
        self._seen: int | None = None
        self._used = 0.0
        self._stopped = self._idle = self._silent = 0

    def look(self) -> str:
        """What is wrong with it, or nothing; to be called every LOOK seconds."""
        now, seen = time.monotonic(), self._sign()
        held_up, self._looked = now - self._looked > HELD_UP, now
        if held_up or seen != self._seen:
            self._seen, self._stopped, self._idle, self._silent = seen, 0, 0, 0
            return ""
        try:
            return self._judge(psutil.Process(self._pid))
        except psutil.Error:  # it has ended, which is seen elsewhere
            return ""

    def _sign(self) -> int | None:
        try:
            return self._alive.stat().st_mtime_ns
        except OSError:
            return None

    def _judge(self, process: psutil.Process) -> str:
        with process.oneshot():
            state, times = process.status(), process.cpu_times()
        used = times.user + times.system
        busy = state in _AT_WORK or used > self._used
        self._used = used
        self._stopped = self._stopped + 1 if state in _STOPPED else 0
        if self._stopped >= self._most_stopped:
            return "is stopped"
        if self._seen is None:  # it has only just begun
            return ""
        self._silent += 1
        self._idle = 0 if busy or state in _STOPPED else self._idle + 1
        if self._idle >= SILENT or self._silent >= BUSY:
            return f"has given no sign of life for {self._silent * LOOK:.0f} s"
        return ""
