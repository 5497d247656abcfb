"""What the engine process may use, and how it ends with its parent: the one module with calls that only POSIX has."""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

MEMORY = 3 << 30  # bytes of private data; mapped files and shared libraries do not count
FILE_SIZE = 16 << 30  # bytes of any one file written
OOM_SCORE = 500  # the kernel takes the engine before the node's daemon
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def apply(parent: int, memory: int = MEMORY) -> None:
    """Limit this process: data, file size, no core dumps; its own session; killed when process `parent` dies.

    On Windows only what needs no POSIX call applies: the host ends the process, and its end of input does.
    """
    if os.name != "posix":
        return
    _resources(memory)
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not offered in some sandboxes, and only a preference
            Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)


def release_memory() -> None:
    """Give freed memory back to the system, where the C library keeps it: an encoder leaves some 200 MB at 1080p behind."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only glibc has it; CDLL(None) is a TypeError on Windows
        ctypes.CDLL(None).malloc_trim(0)


def _resources(memory: int) -> None:
    import resource  # not on Windows

    for kind, wanted in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, FILE_SIZE), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
            resource.setrlimit(kind, (limit, limit))
