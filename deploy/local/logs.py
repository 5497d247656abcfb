"""Log files of child processes: appended to by the child itself, capped in size by whoever watches it."""

import os
import shutil
from pathlib import Path

DEFAULT_CAP = 5 * 1024 * 1024


def open_log(path: Path) -> int:
    """A file descriptor for a child's output. Append mode makes a later cut safe while the child writes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def cap(path: Path, limit: int = DEFAULT_CAP) -> None:
    """Moves the content of a log over `limit` bytes to `<name>.1` (one older file is kept) and starts it anew."""
    try:
        if path.stat().st_size <= limit:
            return
        shutil.copyfile(path, path.with_name(path.name + ".1"))
    except FileNotFoundError:
        return
    except OSError:
        # The copy failed for want of space: a log must not be what fills the disk, so it is cut all the same.
        path.with_name(path.name + ".1").unlink(missing_ok=True)
    os.truncate(path, 0)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for error messages; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16384))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
