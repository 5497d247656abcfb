"""The log as domains read it, from its first event on: through functions that are granted to them, and never the log's tables."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectMissing, ObjectStore, ObjectTooLarge
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.pool import Pool
from contracts.runs import LARGEST, Recorded, RunDamaged, read_run

SPAN = 20_000  # positions that one page reaches at most
_q = sql.load("runtime")


class Page(msgspec.Struct, frozen=True):
    """Events in order; all of the wanted types up to the position `reached` are among them."""

    events: list[Recorded]
    reached: int


class HistoryDamaged(Exception):
    """An archived run cannot be read, or is not what was written."""


class History:
    """Reads what was published, of all tenants, over connections of a domain's role; of the archives it holds one run at a time."""

    def __init__(self, pool: Pool, objects: ObjectStore) -> None:
        self._pool, self._objects = pool, objects
        self._run: tuple[int, int, list[Recorded]] = (0, 0, [])  # the last that was read: its first and last position, and its events

    async def head(self) -> int:
        """The published position. Raises errors of DATABASE_AWAY."""
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            return int(await conn.fetchval(_q.published))

    async def read(self, after: int, until: int, types: Sequence[str], *, most: int = 2000) -> Page:
        """Events of these types (full names, as `evt.render.job.completed.v1`) behind one position up to another, which is published.

        A page may be empty and go on: whoever reads the log calls again with `after=page.reached` until that is `until`. Raises errors of
        DATABASE_AWAY, StoreError, HistoryDamaged.
        """
        if self._run[0] <= after + 1 <= self._run[1]:
            return _page(self._run[2], after, min(until, self._run[1]), types, most)
        # One snapshot: what a partition held is in it, or the run is.
        async with (
            self._pool.acquire(timeout=POOL_WAIT) as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            run = await conn.fetchrow(_q.archived_run, after)
            rows = [] if run else await conn.fetch(_q.history, after, until, list(types), most)
        if run:
            self._run = (run["first"], run["last"], await self._archived(run))
            return _page(self._run[2], after, min(until, run["last"]), types, most)
        self._run = (0, 0, [])
        return _cut([Recorded(*row) for row in rows], min(until, after + SPAN), most)

    async def _archived(self, run: asyncpg.Record) -> list[Recorded]:
        try:
            data = await self._objects.get(run["object_key"], LARGEST)
            return await asyncio.to_thread(read_run, Recorded, data, run["sha256"])
        except (ObjectMissing, ObjectTooLarge, RunDamaged) as error:
            raise HistoryDamaged(f"positions {run['first']} to {run['last']} lie in {run['object_key']}: {error}") from error


def _page(events: list[Recorded], after: int, until: int, types: Sequence[str], most: int) -> Page:
    wanted = frozenset(types)
    begin = bisect_right(events, after, key=attrgetter("position"))
    return _cut(list(islice((e for e in islice(events, begin, None) if e.type in wanted and e.position <= until), most)), until, most)


def _cut(events: list[Recorded], until: int, most: int) -> Page:
    return Page(events, events[-1].position if len(events) == most else until)
