"""The scrubber: reads every stored segment again, slowly, and has those drawn anew whose bytes rotted or are gone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectMissing, ObjectStore, StoreError
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from contracts.envelope import Envelope, first
from contracts.message import Command
from contracts.repair import ReportRot

log = logging.getLogger(__name__)
AGAIN = 60.0  # seconds after which a store or database that was away is asked again
BEGINNING = (UUID(int=0), "")  # before all tenants and keys
Publish = Callable[[Command, Envelope], Awaitable[object]]
Found = Literal["whole", "rot", "missing"]
_q = sql.load("render")


class Stored(msgspec.Struct, frozen=True):
    """A verified segment as its row describes it."""

    tenant_id: UUID
    segment_key: str
    object_key: str
    sha256: str
    bytes: int


async def stored_after(conn: asyncpg.Connection, tenant: UUID, key: str) -> Stored | None:
    """The next stored segment in the order of tenants and keys; the connection must serve all tenants."""
    row = await conn.fetchrow(_q.next_stored_segment, tenant, key)
    return Stored(**row) if row is not None else None


async def look(one: Stored, objects: ObjectStore, publish: Publish) -> Found:
    """Read a segment's object and tell the domain when it is not what was verified. Raises StoreError."""
    try:
        found = await objects.sha256(one.object_key)
    except ObjectMissing:
        found = ""
    if found == one.sha256:
        return "whole"
    rot = ReportRot(key=one.segment_key, object_key=one.object_key, found_sha256=found)
    await publish(rot, first(rot, tenant=one.tenant_id, actor="scrubber"))
    return "rot" if found else "missing"


async def keep(conn: asyncpg.Connection, one: Stored, found: Found, lease: int | None = None) -> None:
    """Remember that a segment was looked at: by the leader under its lease, or by a person."""
    await conn.execute(_q.keep_scrub, one.tenant_id, one.segment_key, one.object_key, found, lease)


class Scrubber:
    """Walks round and round while its process leads: `rate` bytes a second, rounds beginning `every` seconds at the soonest."""

    def __init__(self, pool: Pool, objects: ObjectStore, publish: Publish, leading: Leading, *, rate: float, every: float) -> None:
        self._pool, self._objects, self._publish, self._leading = pool, objects, publish, leading
        self._rate, self._every = rate, every

    async def run(self) -> None:
        """Scrub for ever, from where the last process left off; whatever fails is logged and tried again."""
        place: tuple[UUID, str] | None = None
        while True:
            await self._leading.active.wait()
            try:
                place = place or await self._last()
                begun = asyncio.get_running_loop().time()
                await self._round(place)
                place = BEGINNING
                await asyncio.sleep(max(AGAIN, begun + self._every - asyncio.get_running_loop().time()))
            except (asyncpg.PostgresError, StoreError, *DATABASE_AWAY) as error:
                log.warning("stored segments cannot be looked at: %s", error)
                place = None
                await asyncio.sleep(AGAIN)

    async def _last(self) -> tuple[UUID, str]:
        async with self._serving() as conn:
            row = await conn.fetchrow(_q.last_scrubbed)
        return (row["tenant_id"], row["segment_key"]) if row is not None else BEGINNING

    async def _round(self, place: tuple[UUID, str]) -> None:
        lease = self._leading.lease
        while await self._leading.holds(lease):
            async with self._serving() as conn:
                one = await stored_after(conn, *place)
            if one is None:
                return
            found = await look(one, self._objects, self._publish)
            if found != "whole":
                log.warning("the stored segment %s of tenant %s: %s", one.segment_key, one.tenant_id, found)
            async with self._serving() as conn:
                await keep(conn, one, found, self._leading.lease)
            place = one.tenant_id, one.segment_key
            await asyncio.sleep(one.bytes / self._rate)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction():
            await conn.execute("set local app.tenants = '*'")
            yield conn
