"""How nodes fare, kept beside the scheduler: a row for each node every few seconds, in monthly partitions (`retains` of the domain)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

import sql
from consumers.runtime.clock import Clock, utc_now
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from contracts.message import PLATFORM
from contracts.node import Heartbeat

log = logging.getLogger(__name__)
LARGEST = 2**63 - 1
MOST_LOAD = 1e6
_q = sql.load("render")


class Health:
    """The newest heartbeat of each node until it is written. Whatever fails here is logged, and the farm works on."""

    def __init__(
        self, pool: Pool, leading: Leading, make_room: Callable[[], Awaitable[object]], *, every: float, clock: Clock = utc_now
    ) -> None:
        """`every` seconds the nodes heard since are written, by the leader; `make_room` makes the present month's partition."""
        self._pool, self._leading, self._make_room, self._every, self._clock = pool, leading, make_room, every, clock
        self._heard: dict[UUID, tuple[datetime, Heartbeat]] = {}

    def heard(self, node_id: UUID, beat: Heartbeat) -> None:
        """A node's heartbeat; of several between two writings the last counts."""
        if self._leading.active.is_set():  # of several processes one writes
            self._heard[node_id] = (self._clock(), beat)

    async def run(self) -> None:
        """Write rows for ever."""
        while True:
            await self._leading.active.wait()
            try:
                await self.write()
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("nodes' health cannot be kept: %s", error)
            except Exception:  # telemetry must not end the process that it watches
                log.exception("nodes' health cannot be kept")
            await asyncio.sleep(self._every)

    async def write(self) -> int:
        """Store what was heard; answers how many rows. A month without a partition gets it first."""
        heard, self._heard = self._heard, {}
        if not heard:
            return 0
        columns = [list(column) for column in zip(*(_row(node, at, beat) for node, (at, beat) in heard.items()), strict=True)]
        try:
            await self._store(columns)
        except asyncpg.CheckViolationError:
            await self._make_room()
            await self._store(columns)
        return len(heard)

    async def _store(self, columns: list[list[object]]) -> None:
        async with self._serving() as conn:
            await conn.execute(_q.keep_health, PLATFORM, *columns, self._leading.lease)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction():
            await conn.execute("select set_config('app.tenants', $1, true)", str(PLATFORM))
            yield conn


def _row(node_id: UUID, at: datetime, beat: Heartbeat) -> tuple[object, ...]:
    """A node's word within the columns' bounds: one that lies must not cost the others their rows."""
    memory, disk_free = (min(max(0, value), LARGEST) for value in (beat.memory, beat.disk_free))
    cpu, load = min(max(0.0, beat.cpu), 1.0), min(max(0.0, beat.load), MOST_LOAD)
    return node_id, at, cpu, memory, disk_free, load, len(beat.parts)
