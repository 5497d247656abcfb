"""Makes sure that no process of an earlier PostgreSQL still uses a data folder before a new one starts on it."""

import asyncio
import contextlib
import hashlib
import signal
from pathlib import Path

import psutil

from deploy.local.errors import StackError

PATIENCE = 15.0  # seconds: a fast shutdown with its checkpoint
INTERVAL = 0.05


def cluster_name(folder: Path) -> str:
    """A name that PostgreSQL shows in the title of each of its processes, one for each data folder."""
    return f"flatrender-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


async def clear(folder: Path) -> None:
    """Waits for, then ends, what an earlier server left running in `folder`, and removes its pid file.

    A backend that is busy outlives a killed postmaster; a new server beside it would destroy the data. Raises StackError if one stays.
    """
    pid_file = folder / "postmaster.pid"
    if not pid_file.exists():
        return
    for end_with in (None, signal.SIGQUIT, signal.SIGKILL):
        left = _users(folder)
        if end_with is not None:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(end_with)
        elif not any(_is_postmaster(process) for process in left):
            # Without a postmaster nobody is shutting anything down in order, so waiting would be in vain.
            continue
        if await _until_none(folder):
            # Its number may belong to a stranger by now, whom PostgreSQL would take for a running server.
            pid_file.unlink(missing_ok=True)
            return
    pids = ", ".join(str(process.pid) for process in _users(folder))
    raise StackError(f"an earlier PostgreSQL still uses {folder} and cannot be ended (processes {pids}).")


def _users(folder: Path) -> list[psutil.Process]:
    name = cluster_name(folder)
    # By their titles: the working folder of another user's process is hidden even from root in many containers.
    return [process for process in psutil.process_iter(["cmdline"]) if name in " ".join(process.info["cmdline"] or [])]


def _is_postmaster(process: psutil.Process) -> bool:
    # Children replace their command line by a title, "postgres: <cluster name>: ...".
    return not str(process.info["cmdline"][0]).startswith("postgres:")


async def _until_none(folder: Path) -> bool:
    for _ in range(int(PATIENCE / INTERVAL)):
        if not _users(folder):
            return True
        await asyncio.sleep(INTERVAL)
    return False
