"""The node's data folder: where things lie, one daemon at a time, no leftovers, and what a daemon that died has left."""

import contextlib
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID, uuid4

import msgspec

from node_worker.platform import lock_file
from node_worker.remains import put_away

OURS = 0o700  # the mode of folders: templates and reports are nobody else's
TAIL = 2_000  # bytes of a dead daemon's log that are kept


class FolderInUse(Exception):
    """Another daemon works in this folder."""


class Running(msgspec.Struct, frozen=True):
    """What the file `running` says as long as a daemon works: who, since when, and the parts that it holds."""

    id: UUID
    pid: int
    since: datetime
    parts: tuple[UUID, ...] = ()


class Folder:
    """Paths below `root`; locked from `open` to `close`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.cache, self.work = self.root / "cache", self.root / "work"
        self.spool, self.logs = self.root / "spool", self.root / "logs"
        self.log = self.logs / "daemon.log"
        self.dead: Running | None = None  # the daemon before this one, if it did not stop in an orderly way
        self._running = Running(uuid4(), os.getpid(), datetime.now(UTC))
        self._mark = self.root / "running"
        self._left = False
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Make the folders, take the lock, empty `work`. Raises FolderInUse, or OSError for a folder that cannot be written."""
        self.root.mkdir(parents=True, exist_ok=True, mode=OURS)
        self._lock = lock_file(self.root / "lock")
        if self._lock is None:
            raise FolderInUse(f"another node works in {self.root}; give each node its own data folder (FLATRENDER_DATA)")
        for left in (self.work, *self.root.glob("work-*")):
            put_away(left)
        for folder in (self.cache, self.work, self.spool, self.logs):
            folder.mkdir(exist_ok=True)
            folder.chmod(OURS)  # an earlier release made them for everybody to read
        self.dead = self._predecessor()
        self._write()

    def hold(self, parts: Iterable[UUID]) -> None:
        """Remember which parts the daemon holds, should it die."""
        held = tuple(parts)
        if self._lock is not None and not self._left and held != self._running.parts:
            self._running = msgspec.structs.replace(self._running, parts=held)
            self._write()

    def leave(self) -> None:
        """The daemon stops in an orderly way."""
        self._left = True
        self._mark.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of the log that the daemon before this one wrote."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _predecessor(self) -> Running | None:
        try:
            return msgspec.json.decode(self._mark.read_bytes(), type=Running)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError):  # it died while it wrote this very file
            return Running(uuid4(), 0, datetime.now(UTC))

    def _write(self) -> None:
        """Replace the mark; not synced: a machine without power is told by its silence. A full disk costs only the parts' names."""
        new = self._mark.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_bytes(msgspec.json.encode(self._running))
            os.replace(new, self._mark)

    def close(self) -> None:
        """Let another daemon have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def part(self, name: str) -> Path:
        """Where a part's own folder is to be."""
        return self.work / "parts" / name

    def engine(self, number: int) -> Path:
        """Where an engine's own folder is to be."""
        return self.work / "engines" / str(number)

    def free(self) -> int:
        """Bytes that can still be written."""
        return shutil.disk_usage(self.root).free
