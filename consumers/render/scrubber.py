"""The scrubber: reads every finished object again, slowly; what rotted or is gone is made anew, or marked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.render.kinds import KINDS
from consumers.render.repairs.object_checks import found_sha256
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from contracts.actors import SCRUBBER
from contracts.envelope import Envelope, first
from contracts.message import Command

log = logging.getLogger(__name__)
AGAIN = 60.0  # seconds after which a store, database or broker that was away is asked again
RESULTS = {kind.results.name: kind.results for kind in KINDS.values() if kind.results is not None}
"""What is looked at, a round's kinds in their order."""
NAMES = tuple(RESULTS)
Place = tuple[str, UUID, str]  # of a round: kind by kind, tenant by tenant, name by name
BEFORE_ALL = UUID(int=0)
BEGINNINGS: dict[str, Place] = {name: (name, BEFORE_ALL, results.first) for name, results in RESULTS.items()}
BEGINNING = BEGINNINGS[NAMES[0]]
Publish = Callable[[Command, Envelope], Awaitable[object]]
Found = Literal["whole", "rot", "missing"]
_q = sql.load("render")


class Stored(msgspec.Struct, frozen=True):
    """A finished object as its row describes it; `name` is the segment's key, the job's or the snapshot's id."""

    kind: str
    tenant_id: UUID
    name: str
    object_key: str
    sha256: str
    bytes: int

    @property
    def place(self) -> Place:
        """Where a round is that has looked at it."""
        return self.kind, self.tenant_id, self.name


async def stored_after(conn: asyncpg.Connection, place: Place) -> Stored | None:
    """The next finished object of a round; the connection must serve all tenants."""
    for kind in NAMES[NAMES.index(place[0]) :]:
        _, tenant, name = place if kind == place[0] else BEGINNINGS[kind]
        row = await conn.fetchrow(RESULTS[kind].following, tenant, name)
        if row is not None:
            return Stored(kind=kind, **row)
    return None


async def look(one: Stored, objects: ObjectStore, publish: Publish) -> Found:
    """Read an object and tell the domain when it is not what was verified. Raises StoreError."""
    found = await found_sha256(objects, one.object_key)
    if found == one.sha256:
        return "whole"
    command = RESULTS[one.kind].spoilt(one.name, one.object_key, found)
    await publish(command, first(command, tenant=one.tenant_id, actor=SCRUBBER))
    return "rot" if found else "missing"


async def keep(conn: asyncpg.Connection, one: Stored, found: Found, lease: int | None = None) -> None:
    """Remember that an object was looked at: by the leader under its lease, or by a person."""
    await conn.execute(_q.keep_scrub, one.tenant_id, one.kind, one.name, one.object_key, found, lease)


class Scrubber:
    """Walks round and round while its process leads: `rate` bytes a second, rounds beginning `every` seconds at the soonest."""

    def __init__(self, pool: Pool, objects: ObjectStore, publish: Publish, leading: Leading, *, rate: float, every: float) -> None:
        self._pool, self._objects, self._publish, self._leading = pool, objects, publish, leading
        self._rate, self._every = rate, every

    async def run(self) -> None:
        """Scrub for ever, from where the last process left off; whatever fails is logged and tried again."""
        place: Place | None = None
        while True:
            await self._leading.active.wait()
            try:
                place = place or await self._last()
                begun = asyncio.get_running_loop().time()
                await self._round(place)
                place = BEGINNING
                await asyncio.sleep(max(AGAIN, begun + self._every - asyncio.get_running_loop().time()))
            except Exception as error:  # the store, the database or the broker is away, say; no fault may end the process with every domain
                log.warning("stored objects cannot be looked at: %r", error)
                place = None
                await asyncio.sleep(AGAIN)

    async def _last(self) -> Place:
        async with self._serving() as conn:
            row = await conn.fetchrow(_q.last_scrubbed)
        return (row["kind"], row["tenant_id"], row["name"]) if row is not None else BEGINNING

    async def _round(self, place: Place) -> None:
        lease = self._leading.lease
        while await self._leading.holds(lease):
            async with self._serving() as conn:
                one = await stored_after(conn, place)
            if one is None:
                return
            found = await look(one, self._objects, self._publish)
            if found != "whole":
                log.warning("the stored %s %s of tenant %s: %s", one.kind, one.name, one.tenant_id, found)
            async with self._serving() as conn:
                await keep(conn, one, found, self._leading.lease)
            place = one.place
            await asyncio.sleep(one.bytes / self._rate)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction():
            await conn.execute("set local app.tenants = '*'")
            yield conn
