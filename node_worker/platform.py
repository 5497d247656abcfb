"""What differs between POSIX and Windows: locking a file, syncing a folder, hearing the signals to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO


def lock_file(path: Path) -> IO[str] | None:
    """Open and lock a file until it is closed or the process ends; None when another process holds it."""
    file = path.open("a+")
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def sync_folder(path: Path) -> None:
    """Make a rename or a new name in this folder last; Windows does so by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def on_stop_signals(loop: asyncio.AbstractEventLoop, drain: Callable[[], None], at_once: Callable[[], None]) -> None:
    """Call `drain` for SIGTERM and `at_once` for Ctrl-C (and Ctrl-Break), on the loop's thread."""
    calls = {signal.SIGTERM: drain, signal.SIGINT: at_once}
    if sys.platform == "win32":
        calls[signal.SIGBREAK] = drain
    for number, call in calls.items():
        if sys.platform == "win32":
            # The event loops of Windows cannot hear signals; Python's own handler runs between two bytecodes of the main thread.
            signal.signal(number, lambda *_, call=call: loop.call_soon_threadsafe(call))
        else:
            loop.add_signal_handler(number, call)
