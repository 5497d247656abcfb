"""All that differs between POSIX and Windows, and nowhere else: files, signals to stop, trees of processes, what one may use."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from node_worker.cage.system import PR_SET_DUMPABLE, PR_SET_PDEATHSIG

if TYPE_CHECKING:
    import asyncio

KILL_SIGNAL = 9  # SIGKILL, which Windows has no name for: nobody can catch it
MEMORY = 3 << 30  # bytes of private data of an engine; mapped files and shared libraries do not count
FILE_SIZE = 16 << 30  # bytes of any one file that an engine writes
ADDRESSES = MEMORY + ((4 + (os.cpu_count() or 1)) << 30)  # bytes of its address space: each thread reserves far more than it uses
OPEN_FILES = 1024  # that an engine may have at once: an assembly reads each of its sounds
PROCESSES = 64 + 4 * (os.cpu_count() or 1)  # threads of an engine whose user is its own
OOM_SCORE = 500  # the kernel takes the engine before the node's daemon
# Parameters of mallopt (malloc.h), in bytes: M_MMAP_THRESHOLD, above which a block is a mapping of its own, and M_TRIM_THRESHOLD, beyond
# which what is free at the end goes back. Between those, an encoder's small pieces and a frame's planes (3 MB) are used again.
MALLOC = {-3: 8_000_000, -1: 32 << 20}
PRIVATE = 0o077  # taken from the modes of all that a node writes


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


def on_stop_signals(loop: "asyncio.AbstractEventLoop", drain: Callable[[], None], at_once: Callable[[], None]) -> None:
    """Call `drain` for SIGTERM and `at_once` for Ctrl-C (and `drain` for Ctrl-Break), on the loop's thread."""
    calls = {signal.SIGTERM: drain, signal.SIGINT: at_once}
    if sys.platform == "win32":
        calls[signal.SIGBREAK] = drain
    for number, call in calls.items():
        if sys.platform == "win32":
            # The event loops of Windows cannot hear signals; Python's own handler runs between two bytecodes of the main thread.
            signal.signal(number, lambda *_, call=call: loop.call_soon_threadsafe(call))
        else:
            loop.add_signal_handler(number, call)


def process_tree(pid: int, memory: int) -> "ProcessTree":
    """The tree of a process that was started with `SPAWN`, just now; `memory` in bytes for each of it, where the tree can limit that."""
    if sys.platform == "win32":
        from node_worker.windows import Job

        return Job(pid, memory)
    return ProcessGroup(pid)


class ProcessTree(Protocol):
    """A process and all that it starts."""

    def kill(self) -> None:
        """End all of it at once; what is gone already does not matter."""


class ProcessGroup:
    """POSIX: the group that the process leads, which outlives it as long as one of its children does."""

    def __init__(self, pid: int) -> None:
        self._group = pid

    def kill(self) -> None:
        """End the group, and descendants that have left it; macOS says EPERM of a group whose last members are dying."""
        if sys.platform == "win32":
            return
        import psutil  # an engine, which loads this module too, ends no one

        descendants: list[Any] = []
        with contextlib.suppress(psutil.Error):
            descendants = psutil.Process(self._group).children(recursive=True)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, signal.SIGKILL)
        for one in descendants:
            with contextlib.suppress(psutil.Error):
                one.kill()


SPAWN: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
"""How a process is started whose tree is to be ended as one: on POSIX it leads a session and a group of its own."""


def keep_private() -> None:
    """Let nobody else read what this process writes, nor, on Linux, its memory and environment; engines under its own user neither."""
    os.umask(PRIVATE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def tie_to(parent: int) -> None:
    """Have this process killed when `parent` dies; a change of its user loosens that. On Windows its job does so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)


def limit_engine(memory: int = MEMORY) -> str:
    """Limit this process: data, address space, file size, open files, locked memory, no core dumps; tell which limits hold."""
    if sys.platform == "win32":
        return f"memory {memory >> 20} MB, by its job"
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not offered in some sandboxes, and only a preference
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    return ", ".join(_resources(memory))


def limit_processes() -> None:
    """Limit the threads of this process's user, which must have no others."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


CAN_SPLIT = sys.platform != "win32"  # whether a process can split another off itself


def split_off() -> int:
    """Split a process off this one: 0 in the new one, its number in this one. Only where CAN_SPLIT."""
    if sys.platform == "win32":
        raise OSError("this system splits no processes")
    return os.fork()


def end_of(process: int) -> int:
    """Wait until a process that was split off has ended: its exit code, or the negative number of the signal that ended it."""
    if sys.platform == "win32":
        raise OSError("this system splits no processes")
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def keep_memory_low() -> None:
    """Have the C library give an encoder's large blocks back at once; glibc alone has it.

    Each segment's encoder takes some 160 MB at 1080p, in pieces of several, and frees them. Left to itself, glibc keeps such pieces for
    others, which fit into them badly: an engine grew by a third from the first segment to the fourth.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        adjust = ctypes.CDLL(None).mallopt
        for parameter, value in MALLOC.items():
            adjust(parameter, value)


def release_memory() -> None:
    """Give freed memory back to the system, where the C library keeps it: an encoder leaves some 200 MB at 1080p behind."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only glibc has it; CDLL(None) is a TypeError on Windows
        ctypes.CDLL(None).malloc_trim(0)


def _resources(memory: int) -> list[str]:
    """Set each limit that the system has; name those that hold."""
    if sys.platform == "win32":
        return []
    import resource

    limits = {
        f"data {memory >> 20} MB": (resource.RLIMIT_DATA, memory),
        "addresses": (resource.RLIMIT_AS, ADDRESSES - MEMORY + memory),
        f"files {FILE_SIZE >> 30} GB": (resource.RLIMIT_FSIZE, FILE_SIZE),
        f"{OPEN_FILES} open files": (resource.RLIMIT_NOFILE, OPEN_FILES),
        "locked memory": (resource.RLIMIT_MEMLOCK, 0),
        "core dumps": (resource.RLIMIT_CORE, 0),
    }
    held = []
    for name, (kind, wanted) in limits.items():
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
            resource.setrlimit(kind, (limit, limit))
            held.append(name)
    return held
