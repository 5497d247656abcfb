"""What an edge knows of finished objects: their bytes are read once, and from then on told apart by size and version."""

import asyncio
import logging
from collections import OrderedDict
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from adapters.object_store import Content, Stat, StoreError

log = logging.getLogger(__name__)
FIRST_CHECK_WITHIN = 5.0  # seconds that an answer waits for the first look at an object
STAT_WITHIN = 2.0  # seconds that a store has to say what lies there
AT_ONCE, OF_TENANT = 8, 2  # objects that are read at the same time, and of one tenant
REMEMBERED = 50_000
FileState = Literal["whole", "damaged", "missing", "checking", "unknown"]
"""`checking`: it is being read; `unknown`: the store does not answer."""
Asked = tuple[str, str, str]  # an object's place, the hash that was reported, and what casts doubt on it


class ReadsObjects(Protocol):
    """What looks need of adapters.object_store."""

    async def stat(self, key: str) -> Stat | None:
        """An object's size and version; None when there is none."""

    async def content(self, key: str) -> Content:
        """The hash of an object's bytes, and which version they were."""


class Seen(NamedTuple):
    """What an object is found to be, for a person."""

    state: FileState
    found: str = ""


class ObjectChecks:
    """What this edge knows of finished objects."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Asked, tuple[str, Seen]] = OrderedDict()  # the version that was read, and what it is
        self._reading: dict[Asked, asyncio.Task[Seen]] = {}
        self._of_tenant: dict[UUID, set[asyncio.Task[Seen]]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.told: set[str] = set()  # places that the domain was told of

    async def look(self, store: ReadsObjects, tenant: UUID, key: str, sha256: str, size: int, doubt: str = "") -> Seen:
        """What lies at a place where an object of this hash and size was reported. A new `doubt` (whatever text) has it read again."""
        try:
            async with asyncio.timeout(STAT_WITHIN):
                stat = await store.stat(key)
        except (StoreError, TimeoutError) as error:
            log.warning("the finished object %s cannot be looked at: %r", key, error)
            return Seen("unknown")
        if stat is None:
            return Seen("missing", "its file is missing")
        if stat.bytes != size:
            return Seen("damaged", f"its file has {stat.bytes} bytes; {size} bytes were reported")
        asked = key, sha256, doubt
        version, seen = self._seen.get(asked, ("", None))
        if seen is not None and version == stat.version:
            self._seen.move_to_end(asked)
            return seen
        try:
            async with asyncio.timeout(FIRST_CHECK_WITHIN):
                reading = await self._begun(store, tenant, asked)
                return await asyncio.shield(reading)
        except TimeoutError:  # it is read on
            return Seen("checking")

    async def _begun(self, store: ReadsObjects, tenant: UUID, asked: Asked) -> asyncio.Task[Seen]:
        """The reading of an object, which one tenant's others do not hold up for another."""
        mine = self._of_tenant.setdefault(tenant, set())
        while (reading := self._reading.get(asked)) is None and len(mine) >= OF_TENANT:
            await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED)
            mine = self._of_tenant.setdefault(tenant, set())
        if reading is None:
            reading = self._reading[asked] = asyncio.create_task(self._read(store, asked))
            mine.add(reading)
            reading.add_done_callback(lambda done: self._over(tenant, asked, done))
        return reading

    def _over(self, tenant: UUID, asked: Asked, reading: asyncio.Task[Seen]) -> None:
        del self._reading[asked]
        mine = self._of_tenant[tenant]
        mine.discard(reading)
        if not mine:
            del self._of_tenant[tenant]

    async def _read(self, store: ReadsObjects, asked: Asked) -> Seen:
        key, sha256, _ = asked
        try:
            async with self._gate:
                found = await store.content(key)
        except StoreError as error:
            log.warning("the finished object %s cannot be read: %s", key, error)
            return Seen("unknown")
        seen = Seen("whole") if found.sha256 == sha256 else Seen("damaged", f"its file has the SHA-256 {found.sha256}")
        self._seen[asked] = found.version, seen  # not the one that was looked at: another may have come in between
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen
