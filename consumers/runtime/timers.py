"""Timers: what is due is published as commands. The batch that decides one removes its timer, or moves it on (`timing.py`)."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from consumers.runtime.clock import Clock, utc_now
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.domain import Domain
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.recurrence import LATE
from consumers.runtime.store import Store
from consumers.runtime.timing import Timer
from contracts.envelope import Envelope
from contracts.message import Command

log = logging.getLogger(__name__)
LONGEST_SLEEP = 5.0  # seconds: what nobody told of is seen then
SHORTEST_SLEEP = 0.05
PAUSE = 1.0  # seconds after the broker took nothing
MOST = 1000  # commands that are published in one round
AGAIN = timedelta(minutes=10)  # after which, or the longer the later, the command of a timer that is still there is published once more
UNREADABLE = "unreadable: "  # begins why a timer is set aside which another release may be able to read
Due = tuple[Timer, Command]


class Timers:
    """Publishes a domain's due commands while this process leads it.

    Nothing is removed here: a command that is published twice has the same id. What cannot be read or published is set aside alone, with
    its reason; whoever leads next tries what could not be read once more.
    """

    def __init__(
        self, domain: Domain, pool: Pool, publish: Callable[[Command, Envelope], Any], leading: Leading, clock: Clock = utc_now
    ) -> None:
        self.domain, self._pool, self._publish, self._leading, self._clock = domain, pool, publish, leading, clock
        self._tried = 0  # the lease under which what could not be read was tried once more
        self._next: datetime | None = None  # when the next is due, as far as is known
        self._sooner = asyncio.Event()

    def expect(self, moment: datetime) -> None:
        """A timer was set for a moment: a sleep that would last longer ends."""
        if self._next is None or moment < self._next:
            self._sooner.set()

    async def run(self) -> None:
        """Publish what is due, and sleep until the next is; whatever fails is due still and ends nothing."""
        while True:
            await self._leading.active.wait()
            wait = LONGEST_SLEEP  # when the database is away
            try:
                wait = await self.round()
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
                log.warning("%s: timers cannot be read: %s", self.domain.name, error)
            except Exception:  # a fault of ours must not end the process, and with it every domain
                log.exception("%s: due commands cannot be published", self.domain.name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._sooner.wait()
            self._sooner.clear()

    async def round(self) -> float:
        """Publish once what is due, as much as goes at once; answers the seconds until the next round."""
        lease = self._leading.lease
        due = await self._look(lease)
        if not due:
            return self._sleep()
        # Holding no connection, and in no transaction: publishing waits for the broker.
        if not await self._leading.holds(lease):
            return SHORTEST_SLEEP
        said = await asyncio.gather(*(self._tell(timer, command) for timer, command in due), return_exceptions=True)
        failed = [(timer, error) for (timer, _), error in zip(due, said, strict=True) if isinstance(error, BaseException)]
        if failed:
            log.warning("%s: %d of %d due commands are not published: %r", self.domain.name, len(failed), len(due), failed[0][1])
        if len(failed) == len(due) and all(map(_passes, (error for _, error in failed))):
            return PAUSE
        await self._note(due, {timer.key: error for timer, error in failed}, lease)
        return PAUSE if any(map(_passes, (error for _, error in failed))) else 0.0

    async def _tell(self, timer: Timer, command: Command) -> None:
        await self._publish(command, timer.envelope(self.domain.name, command))

    async def _look(self, lease: int) -> list[Due]:
        """What is to be published. What cannot be read is set aside, and occurrences that were missed and do not count are passed over."""
        now = self._clock()
        async with self._store() as store, store.transaction(None):
            if lease != self._tried:
                await store.conn.execute(store.q.try_set_aside, UNREADABLE, lease)
                self._tried = lease
            rows = await store.conn.fetch(store.q.due_timers, now, MOST, lease)
            due: list[Due] = []
            for row in rows:
                try:
                    timer = Timer.of_row({name: value for name, value in row.items() if name != "published"})
                    command = timer.command()
                    if not row["published"] and _missed(timer, now):
                        await self._pass_over(store, timer, now, lease)
                    else:
                        due.append((timer, command))
                except (KeyError, ValueError, msgspec.MsgspecError) as error:
                    await self._set_aside(store, row, f"{UNREADABLE}{type(error).__name__}: {error}", lease)
            self._next = now if rows else await store.conn.fetchval(store.q.next_timer)
        return due

    async def _pass_over(self, store: Store, timer: Timer, now: datetime, lease: int) -> None:
        following = timer.next(now)
        log.info("%s: timer %s: what was missed since %s does not count", self.domain.name, timer.name, timer.due_at)
        when = following.due_at if following else None
        await store.conn.execute(store.q.pass_over_timer, timer.tenant_id, timer.name, timer.set_by, timer.due_at, when, lease)

    async def _set_aside(self, store: Store, row: Any, why: str, lease: int) -> None:
        log.error("ALARM: %s: timer %s of tenant %s is set aside: %s", self.domain.name, row["name"], row["tenant_id"], why)
        await store.conn.execute(store.q.set_timer_aside, row["tenant_id"], row["name"], row["set_by"], row["due_at"], why[:500], lease)

    async def _note(self, due: Sequence[Due], failed: dict[Any, BaseException], lease: int) -> None:
        """Keep that these were published: they come again only if they are still there then. What will never go is set aside."""
        async with self._store() as store, store.transaction(None):
            for timer, _ in due:
                if (error := failed.get(timer.key)) is not None and not _passes(error):
                    await self._set_aside(store, msgspec.structs.asdict(timer), f"it cannot be published: {error}", lease)
            told = [timer for timer, _ in due if timer.key not in failed]
            columns = zip(*((timer.tenant_id, timer.name, timer.set_by, timer.due_at) for timer in told), strict=True)
            if told:
                await store.conn.execute(store.q.timers_published, *map(list, columns), self._clock(), lease, AGAIN)

    async def aside(self) -> int | None:
        """How many timers were set aside; None where another process leads."""
        if not self._leading.active.is_set():
            return None
        async with self._store() as store, store.transaction(None):
            return int(await store.conn.fetchval(store.q.timers_aside))

    def _sleep(self) -> float:
        if self._next is None:
            return LONGEST_SLEEP
        return min(LONGEST_SLEEP, max(SHORTEST_SLEEP, (self._next - self._clock()).total_seconds()))

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        async with self._pool.acquire(timeout=POOL_WAIT) as conn:
            yield Store(conn, self.domain.name)


def _missed(timer: Timer, now: datetime) -> bool:
    """Whether nobody was there to publish it, and it is nothing without its moment."""
    return timer.recurrence is not None and timer.recurrence.missed == "none" and timer.due_at < now - LATE


def _passes(error: BaseException) -> bool:
    """Whether publishing may succeed later: not what is too large, or cannot be written as a message."""
    return bool(getattr(error, "retryable", not isinstance(error, ValueError | TypeError)))


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A timer as a person sees it."""

    domain: str
    tenant_id: UUID
    name: str
    type: str
    due_at: datetime
    rule: str | None  # RFC 5545; None: it becomes due once
    zone: str | None
    again_at: datetime | None  # when its command is published once more; None: it is not published
    set_aside: str  # why it is not; empty while it is


async def listing(conn: asyncpg.Connection, domain: str, *, only_aside: bool, limit: int = MOST) -> list[Listed]:
    """A domain's timers over all tenants, those that were set aside first; `conn` is the domain's or a superuser's."""
    store = Store(conn, domain)
    async with store.transaction(None):
        return [Listed(domain=domain, **dict(row)) for row in await conn.fetch(store.q.listed_timers, only_aside, limit)]
