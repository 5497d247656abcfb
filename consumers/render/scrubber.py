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
from consumers.render.looking import found_sha256, in_words
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from contracts.actors import SCRUBBER
from contracts.envelope import Envelope, first
from contracts.message import Command
from contracts.repair import ReportRot, RequestRepair
from contracts.snapshot import ReportSpoilt

log = logging.getLogger(__name__)
AGAIN = 60.0  # seconds after which a store, database or broker that was away is asked again
Kind = Literal["segment", "export", "snapshot"]
KINDS: tuple[Kind, ...] = ("segment", "export", "snapshot")
Place = tuple[Kind, UUID, str]  # of a round: kind by kind, tenant by tenant, name by name
BEFORE_ALL = UUID(int=0)
BEGINNINGS: dict[Kind, Place] = {kind: (kind, BEFORE_ALL, "" if kind == "segment" else str(BEFORE_ALL)) for kind in KINDS}
BEGINNING = BEGINNINGS[KINDS[0]]
Publish = Callable[[Command, Envelope], Awaitable[object]]
Found = Literal["whole", "rot", "missing"]
_q = sql.load("render")
_NEXT: dict[Kind, str] = {"segment": _q.next_stored_segment, "export": _q.next_stored_export, "snapshot": _q.next_stored_snapshot}


class Stored(msgspec.Struct, frozen=True):
    """A finished object as its row describes it; `name` is the segment's key, the job's or the snapshot's id."""

    kind: Kind
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
    for kind in KINDS[KINDS.index(place[0]) :]:
        _, tenant, name = place if kind == place[0] else BEGINNINGS[kind]
        row = await conn.fetchrow(_NEXT[kind], tenant, name)
        if row is not None:
            return Stored(kind=kind, **row)
    return None


async def look(one: Stored, objects: ObjectStore, publish: Publish) -> Found:
    """Read an object and tell the domain when it is not what was verified. Raises StoreError."""
    found = await found_sha256(objects, one.object_key)
    if found == one.sha256:
        return "whole"
    told = _told(one, found)
    await publish(told, first(told, tenant=one.tenant_id, actor=SCRUBBER))
    return "rot" if found else "missing"


def _told(one: Stored, found: str) -> Command:
    """What the domain is asked to do: have a segment drawn and an export joined anew, and show a picture to nobody."""
    match one.kind:
        case "segment":
            return ReportRot(key=one.name, object_key=one.object_key, found_sha256=found)
        case "export":
            return RequestRepair(job_id=UUID(one.name), export=True, reason=in_words(found))
        case "snapshot":
            return ReportSpoilt(snapshot_id=UUID(one.name), object_key=one.object_key, found=in_words(found))


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
