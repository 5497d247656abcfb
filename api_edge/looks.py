"""What an edge knows of finished objects: their bytes are read once, and from then on told apart by size and ETag."""

import asyncio
import logging
from collections import OrderedDict
from typing import Literal, NamedTuple, Protocol

from adapters.object_store import Stat, StoreError

log = logging.getLogger(__name__)
PATIENCE = 5.0  # seconds that an answer waits for the first look at an object
AT_ONCE = 4  # objects that are read at the same time
REMEMBERED = 50_000
FileState = Literal["whole", "damaged", "missing", "checking", "unknown"]
"""`checking`: it is being read; `unknown`: the store does not answer."""


class Looking(Protocol):
    """What looks need of adapters.object_store."""

    async def stat(self, key: str) -> Stat | None:
        """An object's size and ETag; None when there is none."""

    async def sha256(self, key: str) -> str:
        """The hash of an object's bytes."""


class Seen(NamedTuple):
    """What an object is found to be, for a person."""

    state: FileState
    found: str = ""


class Looks:
    """What this edge knows of finished objects."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], tuple[str, Seen]] = OrderedDict()  # by place and reported hash: the ETag, and what it is
        self._reading: dict[tuple[str, str], asyncio.Task[Seen]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.told: set[str] = set()  # places that the domain was told of

    async def look(self, store: Looking, key: str, sha256: str, size: int) -> Seen:
        """What lies at a place where an object of this hash and size was reported."""
        try:
            stat = await store.stat(key)
        except StoreError as error:
            log.warning("the finished object %s cannot be looked at: %s", key, error)
            return Seen("unknown")
        if stat is None:
            return Seen("missing", "its file is missing")
        if stat.bytes != size:
            return Seen("damaged", f"its file has {stat.bytes} bytes; {size} bytes were reported")
        etag, seen = self._seen.get((key, sha256), ("", None))
        if seen is not None and etag == stat.etag:
            self._seen.move_to_end((key, sha256))
            return seen
        if (reading := self._reading.get((key, sha256))) is None:
            reading = self._reading[key, sha256] = asyncio.create_task(self._read(store, key, sha256, stat))
            reading.add_done_callback(lambda _: self._reading.pop((key, sha256), None))
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE)
        return reading.result() if done else Seen("checking")

    async def _read(self, store: Looking, key: str, sha256: str, stat: Stat) -> Seen:
        try:
            async with self._gate:
                found = await store.sha256(key)
        except StoreError as error:
            log.warning("the finished object %s cannot be read: %s", key, error)
            return Seen("unknown")
        seen = Seen("whole") if found == sha256 else Seen("damaged", f"its file has the SHA-256 {found}")
        self._seen[key, sha256] = stat.etag, seen
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen
