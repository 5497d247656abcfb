"""The node's data folder: where things lie, one daemon at a time, no leftovers."""

import shutil
from pathlib import Path
from typing import IO

from node_worker.platform import lock_file


class FolderInUse(Exception):
    """Another daemon works in this folder."""


class Folder:
    """Paths below `root`; locked from `open` to `close`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.cache, self.work = self.root / "cache", self.root / "work"
        self.spool, self.logs = self.root / "spool", self.root / "logs"
        self.bundles = self.work / "bundles"
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Make the folders, take the lock, empty `work`. Raises FolderInUse, or OSError for a folder that cannot be written."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = lock_file(self.root / "lock")
        if self._lock is None:
            raise FolderInUse(f"another node works in {self.root}; give each node its own data folder (FLATRENDER_DATA)")
        shutil.rmtree(self.work, ignore_errors=True)
        for folder in (self.cache, self.work, self.bundles, self.spool, self.logs):
            folder.mkdir(exist_ok=True)

    def close(self) -> None:
        """Let another daemon have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def part(self, name: str) -> Path:
        """Where a part's own folder is to be."""
        return self.work / "parts" / name

    def free(self) -> int:
        """Bytes that can still be written."""
        return shutil.disk_usage(self.root).free
