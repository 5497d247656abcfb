"""Timers: rows of the work table `timers` become commands when they are due; and operations are forgotten after 30 days."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.domain import Domain
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.store import Store
from contracts.envelope import Envelope, derived_id
from contracts.message import Command, decode, type_of

log = logging.getLogger(__name__)
LONGEST_SLEEP = 5.0
SHORTEST_SLEEP = 0.05
MOST = 100  # commands that are published in one round
SWEEP = 600.0  # seconds between sweeps of old operations


class Timers:
    """Publishes a domain's due commands while this process leads it; the inbox drops what a crash publishes twice."""

    def __init__(self, domain: Domain, pool: Pool, publish: Callable[[Command, Envelope], Any], leading: Leading) -> None:
        self.domain, self._pool, self._publish, self._leading = domain, pool, publish, leading
        self._swept = 0.0
        self._unreadable: set[UUID] = set()  # of which was told
        self._longest = LONGEST_SLEEP if domain.timers else SWEEP  # without timers there is nothing but the sweep

    async def run(self) -> None:
        """Sleep until the next is due, at most five seconds, so that new ones are seen; without timers there is only the sweep."""
        while True:
            await self._leading.active.wait()
            wait = LONGEST_SLEEP  # when the database is away
            try:
                async with self._pool.acquire(timeout=POOL_WAIT) as conn:
                    wait = await self._round(Store(conn, self.domain.name))
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: timers cannot be read: %s", self.domain.name, error)
            except Exception as error:  # the broker is away, say: they are due still, and no other work of the process ends for it
                log.warning("%s: due commands cannot be published: %s: %s", self.domain.name, type(error).__name__, error)
            await asyncio.sleep(wait)

    async def _round(self, store: Store) -> float:
        lease = self._leading.lease
        async with store.transaction(None):
            found = await store.conn.fetch(store.q.due_timers, MOST + len(self._unreadable), lease)
            due = [(row, command) for row in found if (command := self._command_of(row)) is not None]
            if not due:
                await self._sweep(store, lease)
                following = None if found else await store.conn.fetchval(store.q.next_timer)
                return min(
                    self._longest, LONGEST_SLEEP if found else self._longest if following is None else max(SHORTEST_SLEEP, following)
                )
        # Not within a transaction: publishing waits for the broker.
        if await self._leading.holds(lease):
            await self._publish_all(due)
            async with store.transaction(None):
                await store.conn.execute(store.q.drop_timers, [row["tenant_id"] for row, _ in due], [row["id"] for row, _ in due], lease)
        return SHORTEST_SLEEP

    def _command_of(self, row: asyncpg.Record) -> Command | None:
        """What is due; None for what this release cannot read, which stays for a person and holds nothing up."""
        try:
            command = decode(row["type"], row["body"])
            if isinstance(command, Command):
                return command
            why = "it is no command"
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            why = f"{type(error).__name__}: {error}"
        if row["id"] not in self._unreadable:
            self._unreadable.add(row["id"])
            log.error("ALARM: %s: timer %s (%s) cannot be read and stays: %s", self.domain.name, row["id"], row["type"], why)
        return None

    async def _publish_all(self, due: list[tuple[asyncpg.Record, Command]]) -> None:
        for row, command in due:
            identity = derived_id(row["id"], "due")
            envelope = Envelope(
                id=identity,
                type=type_of(command).full_name,  # the newest version of what was stored
                tenant=row["tenant_id"],
                time=datetime.now(UTC),
                actor="timer",
                correlation=identity,
                causation=row["id"],
            )
            await self._publish(command, envelope)

    async def _sweep(self, store: Store, lease: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._swept > SWEEP or not self._swept:
            self._swept = now
            await store.conn.execute(store.q.forget_operations, lease)
