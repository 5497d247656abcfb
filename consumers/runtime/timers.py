"""Timers: rows of the work table `timers` become commands when they are due; and operations are forgotten after 30 days."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.domain import Domain
from consumers.runtime.store import Store
from contracts.envelope import Envelope, derived_id
from contracts.message import Command, decode, type_of

log = logging.getLogger(__name__)
LONGEST_SLEEP = 5.0
SHORTEST_SLEEP = 0.05
SWEEP = 600.0  # seconds between sweeps of old operations


class Timers:
    """Publishes a domain's due commands; the inbox drops what a crash publishes twice."""

    def __init__(self, domain: Domain, pool: asyncpg.Pool, publish: Callable[[Command, Envelope], Any]) -> None:
        self.domain, self._pool, self._publish = domain, pool, publish
        self._swept = 0.0

    async def run(self) -> None:
        """Sleep until the next is due, at most five seconds, so that new ones are seen."""
        while True:
            wait = LONGEST_SLEEP
            try:
                async with self._pool.acquire(timeout=POOL_WAIT) as conn:
                    wait = await self._round(Store(conn, self.domain.name))
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: timers cannot be read: %s", self.domain.name, error)
            await asyncio.sleep(wait)

    async def _round(self, store: Store) -> float:
        async with store.transaction(None):
            due = await store.conn.fetch(store.q.due_timers, 100)
            for row in due:
                command = decode(row["type"], row["body"])
                assert isinstance(command, Command)
                identity = derived_id(row["id"], "due")
                now = datetime.now(UTC)
                envelope = Envelope(
                    id=identity,
                    type=type_of(command).full_name,  # the newest version of what was stored
                    tenant=row["tenant_id"],
                    time=now,
                    actor="timer",
                    correlation=identity,
                    causation=row["id"],
                )
                await self._publish(command, envelope)
            if due:
                await store.conn.execute(store.q.drop_timers, [row["tenant_id"] for row in due], [row["id"] for row in due])
            await self._sweep(store)
            following = await store.conn.fetchval(store.q.next_timer)
        return LONGEST_SLEEP if following is None else min(LONGEST_SLEEP, max(SHORTEST_SLEEP, following))

    async def _sweep(self, store: Store) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._swept > SWEEP or not self._swept:
            self._swept = now
            await store.conn.execute(store.q.forget_operations)
