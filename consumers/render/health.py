"""How nodes fare, kept beside the scheduler: a row for each node every few seconds, in monthly partitions made and dropped in time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

import sql
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from contracts.message import PLATFORM
from contracts.node import Heartbeat

log = logging.getLogger(__name__)
KEEP_EVERY = 3600.0  # seconds between two looks at the partitions
LARGEST = 2**63 - 1
MOST_LOAD = 1e6
_q = sql.load("render")


def utc_now() -> datetime:
    """The clock by which rows are stored and months pass."""
    return datetime.now(UTC)


class Health:
    """The newest heartbeat of each node until it is written. Whatever fails here is logged, and the farm works on."""

    def __init__(self, pool: Pool, leading: Leading, *, every: float, months: int, clock: Callable[[], datetime] = utc_now) -> None:
        """`every` seconds the nodes heard since are written, by the leader; `months` are kept beside the current one."""
        self._pool, self._leading, self._every, self._months, self._clock = pool, leading, every, months, clock
        self._heard: dict[UUID, tuple[datetime, Heartbeat]] = {}

    def heard(self, node_id: UUID, beat: Heartbeat) -> None:
        """A node's heartbeat; of several between two writings the last counts."""
        if self._leading.active.is_set():  # of several processes one writes
            self._heard[node_id] = (self._clock(), beat)

    async def run(self) -> None:
        """Keep partitions and write rows for ever."""
        await asyncio.gather(self._forever(self.keep, KEEP_EVERY), self._forever(self.write, self._every))

    async def _forever(self, work: Callable[[], Awaitable[object]], every: float) -> None:
        while True:
            await self._leading.active.wait()
            try:
                await work()
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("nodes' health cannot be kept: %s", error)
            except Exception:  # telemetry must not end the process that it watches
                log.exception("nodes' health cannot be kept")
            await asyncio.sleep(every)

    async def keep(self) -> list[str]:
        """See to the partitions of this month and the next, and drop old ones; answers what was done."""
        async with self._serving() as conn:
            done: list[str] = await conn.fetchval(_q.keep_months, self._months, self._clock(), self._leading.lease) or []
        if done:
            log.info("nodes' health: %s", ", ".join(done))
        return done

    async def write(self) -> int:
        """Store what was heard; answers how many rows. A month without a partition gets it first."""
        heard, self._heard = self._heard, {}
        if not heard:
            return 0
        columns = [list(column) for column in zip(*(_row(node, at, beat) for node, (at, beat) in heard.items()), strict=True)]
        try:
            await self._store(columns)
        except asyncpg.CheckViolationError:
            await self.keep()
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
