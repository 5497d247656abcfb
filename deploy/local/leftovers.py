"""Ends servers that an earlier run left behind (possible only where children do not die with their parent, as on macOS)."""

import contextlib
import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from deploy.local.process import is_alive
from deploy.local.secret_store import write_private

GRACE = 5.0  # seconds


def remember(path: Path, pids: Mapping[str, int]) -> None:
    """Writes which processes run, each with its start time, since a number alone may be reused."""
    known = {}
    for name, pid in pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            known[name] = [pid, psutil.Process(pid).create_time()]
    write_private(path, json.dumps(known), lasting=False)


def end(path: Path) -> list[str]:
    """Ends the processes that `remember` wrote and that still run; returns their names. Blocks for at most some seconds."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    found = []
    for name, (pid, started) in known.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - started) < 0.5 and is_alive(process):
                found.append((name, process))
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for _, process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)
        if _ended([process for _, process in found]):
            break
    return [name for name, _ in found]


def _ended(processes: list[psutil.Process]) -> bool:
    give_up = time.monotonic() + GRACE
    while any(is_alive(process) for process in processes):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True
