"""Files by their SHA-256 on the node's disk: fetched once, verified, the least recently used deleted first."""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import msgspec

from node_worker.failures import PartFailed, disk_full, main_cause
from node_worker.log import info, warning
from node_worker.transfer import TooLarge, Transfers

ATTEMPTS = 3  # downloads of a file whose bytes are wrong
AT_ONCE = 8  # downloads at the same time
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(msgspec.Struct):
    """A file that is there; `users` are parts that work with it now, which keeps it from being deleted."""

    bytes: int
    verified: bool = False
    users: int = 0


class Cache:
    """Content-addressed files below `folder`, at most `limit` bytes together unless those in use are more."""

    def __init__(self, folder: Path, transfers: Transfers, limit: int) -> None:
        self._folder, self._transfers, self._limit = folder, transfers, limit
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # least recently used first
        self._fetching: dict[str, asyncio.Lock] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._total = 0

    def load(self) -> None:
        """Learn what an earlier daemon left, oldest use first; broken-off downloads are deleted."""
        found = []
        for path in self._folder.glob("*/*"):
            if _SHA256.fullmatch(path.name):
                status = path.stat()
                found.append((status.st_mtime, path.name, status.st_size))
            else:
                path.unlink()
        for _, sha256, size in sorted(found):
            self._add(sha256, Entry(size))
        # The rest of the disk is for parts in work, and not ours alone.
        self._limit = min(self._limit, (shutil.disk_usage(self._folder).free + self._total) // 2)
        self.shrink(self._limit)

    def latest(self, most: int) -> tuple[str, ...]:
        """What was used last, by SHA-256, the latest first: templates among other things, which do no harm."""
        return tuple(islice(reversed(self._entries), most))

    @asynccontextmanager
    async def use(self, addresses: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
        """Have all files there, fetched from their addresses where needed, and give their paths by SHA-256; they stay until the end.

        Raises PartFailed, OSError.
        """
        for sha256 in addresses:
            if not _SHA256.fullmatch(sha256):
                raise PartFailed("node.manifest", f"{sha256!r} is not a SHA-256")
        held: list[str] = []
        try:
            await self._hold_all(addresses, held)
            yield {sha256: str(self._path(sha256)) for sha256 in addresses}
        finally:
            for sha256 in held:
                self._entries[sha256].users -= 1
            self.shrink(self._limit)

    def adopt(self, sha256: str, path: Path) -> None:
        """Move a file of an engine's making in; a later use finds it without a download. Does without if the disk is full.

        Its bytes are read before that use: an engine that was taken over could give them the name of others.
        """
        if sha256 in self._entries:
            return
        size = path.stat().st_size
        target = self._path(sha256)
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)
        except OSError as error:
            warning("file is not kept", sha256=sha256, error=str(error))
            return
        self._add(sha256, Entry(size))
        self.shrink(self._limit)

    def distrust(self, sha256: str) -> None:
        """Have a file's bytes read again before it is used next: somebody found others in it."""
        if (entry := self._entries.get(sha256)) is not None:
            entry.verified = False

    def shrink(self, limit: int = 0) -> int:
        """Delete files that nobody uses, least recently used first, until `limit` bytes are left; return how many bytes went."""
        before = self._total
        for sha256 in [sha256 for sha256, entry in self._entries.items() if not entry.users]:
            if self._total <= limit:
                break
            self._delete(sha256)
        if before != self._total:
            info("cache shrunk", freed=before - self._total, left=self._total)
        return before - self._total

    async def _hold_all(self, addresses: Mapping[str, str], held: list[str]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for sha256, url in addresses.items():
                    group.create_task(self._hold(sha256, url, held))
        except BaseExceptionGroup as failures:
            raise main_cause(failures) from None

    async def _hold(self, sha256: str, url: str, held: list[str]) -> None:
        """Fetch a file unless it is there; whoever comes second waits for the first."""
        lock = self._fetching.setdefault(sha256, asyncio.Lock())
        try:
            async with lock, self._gate:
                if not await self._is_there(sha256):
                    await self._fetch_with_room(sha256, url)
                self._entries[sha256].users += 1
                held.append(sha256)
            self.shrink(self._limit)
        finally:
            if not lock.locked() and self._fetching.get(sha256) is lock:
                del self._fetching[sha256]

    async def _is_there(self, sha256: str) -> bool:
        """Whether the file is there and whole; its bytes are read again once after a start, as a power cut may have spoilt them."""
        entry = self._entries.get(sha256)
        if entry is None:
            return False
        path = self._path(sha256)
        if not entry.verified:
            entry.users += 1
            entry.verified = await asyncio.to_thread(_digest, path) == sha256
            entry.users -= 1
        if not entry.verified:
            warning("cached file is spoilt", sha256=sha256)
            self._delete(sha256)
            return False
        self._entries.move_to_end(sha256)
        with contextlib.suppress(OSError):
            os.utime(path)  # a later daemon's order of use
        return True

    async def _fetch_with_room(self, sha256: str, url: str) -> None:
        try:
            await self._fetch(sha256, url)
        except OSError as error:
            if not disk_full(error) or not self.shrink(self._total // 2):
                raise
            await self._fetch(sha256, url)

    async def _fetch(self, sha256: str, url: str) -> None:
        target = self._path(sha256)
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(target.name + ".part")
        try:
            for _ in range(ATTEMPTS):
                found, size = await self._transfers.download(url, partial)
                if found == sha256:
                    os.replace(partial, target)
                    self._add(sha256, Entry(size, verified=True))
                    return
                partial.unlink()
                warning("downloaded file has the wrong bytes", sha256=sha256, found=found, bytes=size)
        except (OSError, TooLarge):
            partial.unlink(missing_ok=True)
            raise
        except PartFailed as failure:
            failure.file = sha256
            raise
        raise PartFailed(
            "node.file_mismatch", f"the file {sha256} arrived {ATTEMPTS} times with other bytes; they hash to {found}", file=sha256
        )

    def _add(self, sha256: str, entry: Entry) -> None:
        self._entries[sha256] = entry
        self._total += entry.bytes

    def _delete(self, sha256: str) -> None:
        self._total -= self._entries.pop(sha256).bytes
        self._path(sha256).unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _digest(path: Path) -> str:
    """The file's SHA-256, or "" when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
