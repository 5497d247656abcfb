"""The data folder of the embedded stack: where it is by default, and the lock that gives it to one run at a time."""

import contextlib
import fcntl
import os
from pathlib import Path

from deploy.local.errors import StackError, explained, require_space

SPACE_TO_START = 300 * 1024**2  # bytes: an empty PostgreSQL takes 40 MB, its log and the first objects the rest


def default_folder() -> Path:
    """Where data goes when no folder is named: the user's data folder; for root the system's."""
    if os.geteuid() == 0 and "XDG_DATA_HOME" not in os.environ:
        return Path("/var/lib/flatrender/data")
    # Imported here: it is a dependency of the embedded servers only.
    import platformdirs

    return Path(platformdirs.user_data_dir("flatrender", appauthor=False))


class DataFolder:
    """A data folder that is ours from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    def open(self) -> None:
        """Makes the folder if needed and locks it. Raises StackError: in use, not writable, disk full."""
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._locked(self.path / "lock")
            require_space(self.path, SPACE_TO_START)
            for name in ("logs", "run"):
                (self.path / name).mkdir(exist_ok=True, mode=0o700)

    def close(self) -> None:
        """Gives the folder back; it can be opened again."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _locked(self, path: Path) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            process = f" (process {holder})" if holder else ""
            raise StackError(
                f"FlatRender already runs on {self.path}{process}. Stop it first, or choose another folder with --data."
            ) from None
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        return descriptor
