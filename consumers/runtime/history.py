"""The log as domains read it, from its first event on: through functions that are granted to them, and never the log's tables."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.pool import Pool

SPAN = 20_000  # positions that one page reaches at most
_q = sql.load("runtime")


class Recorded(msgspec.Struct, frozen=True):
    """An event of the log; `body` is its exact JSON text."""

    position: int
    event_id: UUID
    type: str
    tenant_id: UUID
    time: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID
    aggregate: str
    version: int
    traceparent: str
    body: str


class Page(msgspec.Struct, frozen=True):
    """Events in order; all of the wanted types up to the position `reached` are among them."""

    events: list[Recorded]
    reached: int


class History:
    """Reads what was published, of all tenants, over connections of a domain's role."""

    def __init__(self, pool: Pool, objects: ObjectStore) -> None:
        self._pool, self._objects = pool, objects

    async def head(self) -> int:
        """The published position. Raises errors of DATABASE_AWAY."""
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            return int(await conn.fetchval(_q.published))

    async def read(self, after: int, until: int, types: Sequence[str], *, most: int = 2000) -> Page:
        """Events of these types (full names, as `evt.render.job.completed.v1`) behind one position up to another, which is published.

        A page may be empty and go on: whoever reads the log calls again with `after=page.reached` until that is `until`.
        """
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            rows = await conn.fetch(_q.history, after, until, list(types), most)
        events = [Recorded(*row) for row in rows]
        return Page(events, events[-1].position if len(events) == most else min(until, after + SPAN))
