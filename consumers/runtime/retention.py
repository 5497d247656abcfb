"""Retention: what is over goes, of every table of a domain that grows, a little at a time; partitions are made ahead and dropped."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from consumers.runtime.clock import Clock, utc_now
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.domain import Domain
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.retention_rules import RUNTIME, Monthly, Rule, Swept
from consumers.runtime.store import Store

log = logging.getLogger(__name__)
EVERY = 600.0  # seconds between two rounds
CHUNK = 1000  # rows that go in one transaction
PAUSE = 4.0  # times as long as a chunk took, until the next: a fifth of one connection's time at most
Pause = Callable[[float], Awaitable[None]]


def rules_of(domain: Domain) -> tuple[Rule, ...]:
    """What becomes of each of a domain's tables of kind work, telemetry or private."""
    return (*RUNTIME, *domain.retains)


class Retention:
    """Keeps a domain's tables small while this process leads it. Whatever fails here is logged, and the domain works on."""

    def __init__(
        self, domain: Domain, pool: Pool, leading: Leading, *, months: int, clock: Clock = utc_now, pause: Pause = asyncio.sleep
    ) -> None:
        """`months` of what goes by the month are kept beside the current one."""
        self._rules, self._name = rules_of(domain), domain.name
        self._pool, self._leading, self._months, self._clock, self._pause = pool, leading, months, clock, pause

    async def run(self) -> None:
        """Sweep for ever, at once when this process begins to lead."""
        while True:
            await self._leading.active.wait()
            try:
                await self.round()
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: what is over cannot be removed: %s", self._name, error)
            except Exception:  # keeping tables small must not end the process
                log.exception("%s: what is over cannot be removed", self._name)
            await asyncio.sleep(EVERY)

    async def round(self) -> dict[str, int]:
        """See to the partitions, and remove all that is over; answers how many rows of each table went."""
        await self.make_room()
        gone = {rule.table: await self._sweep(rule) for rule in self._rules if isinstance(rule, Swept)}
        if any(gone.values()):
            log.info("%s: %s", self._name, ", ".join(f"{count} rows of {table} are over" for table, count in gone.items() if count))
        return gone

    async def make_room(self) -> list[str]:
        """See to the partitions of this month and the next, and drop old ones; answers what was done."""
        done: list[str] = []
        for rule in self._rules:
            if isinstance(rule, Monthly):
                async with self._store() as store:
                    given = f"{self._name}.{rule.table}", self._months, self._clock(), self._leading.lease
                    done += await store.conn.fetchval(store.q.keep_months, *given) or []
        if done:
            log.info("%s: %s", self._name, ", ".join(done))
        return done

    async def oldest(self) -> dict[str, float]:
        """How many seconds old each table's oldest row is that goes by its age or waits, or the month of which it is; 0 without one."""
        if not self._leading.active.is_set():
            return {}
        ages: dict[str, float] = {}
        for rule in self._rules:
            if rule.column:
                async with self._store() as store:
                    if await self._is_there(store, rule):
                        since = await store.conn.fetchval(_oldest(self._name, rule, store))
                        ages[f"{self._name}.{rule.table}"] = max(0.0, (self._clock() - since).total_seconds()) if since else 0.0
        return ages

    async def _sweep(self, rule: Swept) -> int:
        """Remove a table's rows that are over, in transactions so small that nobody waits for one."""
        loop, removed = asyncio.get_running_loop(), 0
        limit = self._clock() - timedelta(days=rule.days)
        while True:
            began = loop.time()
            async with self._store() as store:
                if not removed and not await self._is_there(store, rule):
                    return 0
                done = await store.conn.execute(_sweeping(store, rule), limit, CHUNK, self._leading.lease)
            gone = int(done.rpartition(" ")[2])
            removed += gone
            if gone < CHUNK:
                return removed
            await self._pause(PAUSE * (loop.time() - began))

    async def _is_there(self, store: Store, rule: Rule) -> bool:
        """Whether the database has the table and its column: one of the release before has not, until it is migrated."""
        return bool(await store.conn.fetchval(store.q.has_column, f"{self._name}.{rule.table}", rule.column))

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            store = Store(conn, self._name)
            async with store.transaction(None):
                yield store


def _sweeping(store: Store, rule: Swept) -> str:
    text: str = store.q.sweep
    return text.replace("{table}", rule.table).replace("{column}", rule.column).replace("{goes}", rule.goes)


def _oldest(domain: str, rule: Rule, store: Store) -> str:
    if isinstance(rule, Monthly):
        month: str = store.q.oldest_month
        return month.replace("{table}", rule.table)
    which = rule.goes if isinstance(rule, Swept) else rule.waits
    return f"select {rule.column} from {domain}.{rule.table} where {which} order by {rule.column} limit 1"
