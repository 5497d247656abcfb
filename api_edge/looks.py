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
Asked = tuple[str, str, str]  # an object's place, the hash that was reported, and what casts doubt on it


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
        self._seen: OrderedDict[Asked, tuple[str, Seen]] = OrderedDict()  # the ETag, and what it is
        self._reading: dict[Asked, asyncio.Task[Seen]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.told: set[str] = set()  # places that the domain was told of

    async def look(self, store: Looking, key: str, sha256: str, size: int, doubt: str = "") -> Seen:
        """What lies at a place where an object of this hash and size was reported. A new `doubt` (whatever text) has it read again."""
        try:
            stat = await store.stat(key)
        except StoreError as error:
            log.warning("the finished object %s cannot be looked at: %s", key, error)
            return Seen("unknown")
        if stat is None:
            return Seen("missing", "its file is missing")
        if stat.bytes != size:
            return Seen("damaged", f"its file has {stat.bytes} bytes; {size} bytes were reported")
        asked = key, sha256, doubt
        etag, seen = self._seen.get(asked, ("", None))
        if seen is not None and etag == stat.etag:
            self._seen.move_to_end(asked)
            return seen
        if (reading := self._reading.get(asked)) is None:
            reading = self._reading[asked] = asyncio.create_task(self._read(store, asked, stat))
            reading.add_done_callback(lambda _: self._reading.pop(asked, None))
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE)
        return reading.result() if done else Seen("checking")

    async def _read(self, store: Looking, asked: Asked, stat: Stat) -> Seen:
        key, sha256, _ = asked
        try:
            async with self._gate:
                found = await store.sha256(key)
        except StoreError as error:
            log.warning("the finished object %s cannot be read: %s", key, error)
            return Seen("unknown")
        seen = Seen("whole") if found == sha256 else Seen("damaged", f"its file has the SHA-256 {found}")
        self._seen[asked] = stat.etag, seen
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen
