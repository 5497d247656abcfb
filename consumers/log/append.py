"""The first half of the sequencer: from the domains' outboxes into log.events, numbered and chained, in one transaction.

An event that the log refuses, such as one whose id it has already, stops its domain's outbox at that row until a person has looked.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg

import sql
from consumers.log.alarms import Alarms
from consumers.runtime.array_parameters import as_parameter
from consumers.runtime.store import meanwhile
from contracts.chain import GENESIS, chained
from contracts.domains import DOMAINS

log = logging.getLogger(__name__)
MOST_AT_ONCE = 2000  # per domain and transaction
AT_ONCE = 500  # written by one statement
LOOK_AGAIN = 1.0  # seconds between two looks whether a stopped outbox was put right
Row = tuple[Any, ...]  # the columns of log.events, in LogEvent's order, ids as texts


class RepeatedId(Exception):
    """The log has an event of this id in a partition that is full, or in an archive."""


REFUSED = (RepeatedId, asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, asyncpg.ProgramLimitExceededError)
"""What is said of an event that the log cannot take, however often it is tried."""
ID_IS_UNIQUE = re.compile(r"events_\d+_event_id")
AHEAD = 20_000  # positions for which partitions are there, at least: more than one transaction appends
FORESEEN = 86_400_000  # milliseconds in the future beyond which no clock is, so that such an id bears no moment
_VERSION = 14  # where its version stands in an id's text
q = sql.load("log")


# PostgreSQL's types of the columns that `append` takes.
_TYPES = ("bigint", "uuid", "text", "uuid", "timestamptz", "text", "uuid", "uuid", "text", "bigint", "text", "json", "text", "text")


@cache
def _pending(names: tuple[str, ...]) -> str:
    return "select " + (" or ".join(q.pending.replace("{schema}", name) for name in names) or "false")


@cache
def _take(names: tuple[str, ...]) -> str:
    parts = ", ".join(f"t{number} as ({q.take.replace('{schema}', name)})" for number, name in enumerate(names))
    rows = " union all ".join(f"select {number} as domain, * from t{number}" for number in range(len(names)))
    return f"with {parts} {rows} order by domain, id"


class Appender:
    """Appends to the log over one connection, which must hold the sequencer's lock and serve all tenants."""

    def __init__(self, conn: asyncpg.Connection, alarms: Alarms | None = None) -> None:
        self._conn = conn
        self._alarms = alarms or Alarms(conn)
        self.position = 0
        self._hash = GENESIS
        self._room = 0  # the last position that a partition is there for
        self._full = 0  # the last one of the partition that is appended to
        self._known: int | None = None  # the moment up to which ids lie in full partitions, in Unix milliseconds; None: not looked up
        self.crossed = asyncio.Event()  # set when a partition has become full
        self.stopped: dict[str, float] = {}  # domains whose outbox waits for a person, and when it is looked at again

    async def load(self) -> None:
        """Find the end of the log, and the outboxes that an earlier sequencer stopped."""
        await self._alarms.load()
        self.stopped = {name: 0.0 for name in DOMAINS if _alarm(name) in self._alarms.names}
        self.position, self._hash = await self._conn.fetchrow(q.head)
        self._room = await self._conn.fetchval(q.room)
        self._full = await self._conn.fetchval(q.full_at, self.position)
        await self.learn()

    async def learn(self) -> None:
        """Learn up to which moment ids lie in full partitions: a new event whose id bears a later one is in none of them."""
        self._known = await self._conn.fetchval(q.ids_until, _now() + FORESEEN)

    @property
    def _going(self) -> tuple[str, ...]:
        return tuple(name for name in DOMAINS if name not in self.stopped)

    async def is_pending(self) -> bool:
        """Whether there is something to be done: any outbox that is not stopped holds an event, or one that is will be looked at."""
        return self._is_due() or bool(await self._conn.fetchval(_pending(self._going)))

    def _is_due(self) -> bool:
        now = asyncio.get_running_loop().time()
        return any(now >= moment for moment in self.stopped.values())

    async def append(self) -> list[Row]:
        """Move what the outboxes hold, at most MOST_AT_ONCE of each; returns the new rows of the log once they are committed."""
        if self._room - self.position < AHEAD:
            self._room = await self._conn.fetchval(q.make_part)
        if self.position >= self._full:
            self._full = await self._conn.fetchval(q.full_at, self.position)
        again = await self._one_by_one(list(self.stopped), 1) if self.stopped and self._is_due() else []
        try:
            return again + await self._move_all()
        except REFUSED:
            return again + await self._one_by_one(self._going, MOST_AT_ONCE)

    async def _move_all(self) -> list[Row]:
        """The outboxes that are not stopped, in one transaction."""
        if not self._going:
            return []
        async with self._conn.transaction():
            taken = await self._conn.fetch(_take(self._going), MOST_AT_ONCE)
            rows = await self._write([tuple(record)[2:] for record in taken])
        return self._committed(rows)

    async def _one_by_one(self, names: Iterable[str], first: int) -> list[Row]:
        """Each outbox by itself, so that what is refused stops only its own: its `first` events."""
        rows: list[Row] = []
        for name in names:
            found = await self._conn.fetch(q.look.replace("{schema}", name), first)
            rows += await self._move(name, found)
        return rows

    async def _move(self, name: str, found: Sequence[asyncpg.Record]) -> list[Row]:
        """As many of these as the log takes, in order; halved down to the one that it does not take, where the outbox stops."""
        rows: list[Row] = []
        many = len(found)
        while found:
            part = found[:many]
            try:
                async with self._conn.transaction():
                    await self._conn.execute(q.remove.replace("{schema}", name), [record["id"] for record in part])
                    written = await self._write([tuple(map(_plain, record))[1:] for record in part])
            except REFUSED as error:
                if len(part) == 1:
                    await self._stop(name, part[0], error)
                    return rows
                many = len(part) // 2
            else:
                rows += self._committed(written)
                found = found[many:]
                many *= 2
        await self._go_on(name)
        return rows

    async def _write(self, events: Sequence[Sequence[Any]]) -> list[Row]:
        """Number, chain and write events; the chain of some is computed while PostgreSQL writes those before them."""
        if not events:
            return []
        await self._refuse_repeated([values[0] for values in events], is_full=self.position + len(events) > self._full)
        rows: list[Row] = []
        made = self._chain(events[:AT_ONCE], rows)
        for start in range(AT_ONCE, len(events), AT_ONCE):
            following = events[start : start + AT_ONCE]
            _, made = await meanwhile(self._conn.execute(q.append, *made), lambda some=following: self._chain(some, rows))  # type: ignore[misc]
        await self._conn.execute(q.append, *made)
        return rows

    def _chain(self, events: Sequence[Sequence[Any]], rows: list[Row]) -> list[Any]:
        """Add the rows of some events behind those that are there; answers the parameters that write them."""
        begin = len(rows)
        position, last_hash = (rows[-1][0], rows[-1][-1]) if rows else (self.position, self._hash)
        for values in events:
            position += 1
            made = chained(last_hash, position, values)
            rows.append((position, *values, last_hash, made))
            last_hash = made
        return [*map(as_parameter, _TYPES, zip(*rows[begin:], strict=True)), position, last_hash]

    async def _refuse_repeated(self, ids: Sequence[str], *, is_full: bool) -> None:
        """Look for ids where no index refuses them: in other partitions than the one that is appended to. Raises RepeatedId."""
        if is_full:  # these lie in two partitions
            if len(set(ids)) < len(ids):
                raise RepeatedId
            suspects = list(ids)
        else:
            suspects = self._suspects(ids)
        if suspects and await self._conn.fetch(q.repeated, suspects):
            raise RepeatedId

    def _suspects(self, ids: Sequence[str]) -> list[str]:
        """Those that may be in a full partition: by the moment that they bear, or because they bear none."""
        if self._known is None:
            return list(ids)
        least, most = _text_of(self._known), _text_of(_now() + FORESEEN)
        return [id for id in ids if not least <= id < most or id[_VERSION] != "8"]

    def _committed(self, rows: list[Row]) -> list[Row]:
        if rows:
            self.position, self._hash = rows[-1][0], rows[-1][-1]
            if self.position >= self._full:
                self._known = None
                self.crossed.set()
        return rows

    async def _stop(self, name: str, record: asyncpg.Record, error: Exception) -> None:
        self.stopped[name] = asyncio.get_running_loop().time() + LOOK_AGAIN
        row = f"row {record['id']} of {name}.outbox, the event {record['event_id']} ({record['type']})"
        repeated = isinstance(error, RepeatedId) or (
            isinstance(error, asyncpg.UniqueViolationError) and ID_IS_UNIQUE.fullmatch(error.constraint_name or "") is not None
        )
        why = "has an id that the log has already" if repeated else f"is refused by the log: {error}"
        remedy = f"`flatrender log release {name}` shows both and says how to go on." if repeated else "Correct that row with SQL."
        await self._alarms.sound(_alarm(name), f"{row}, {why}; this outbox waits there, and nothing of it is lost", remedy)

    async def _go_on(self, name: str) -> None:
        if self.stopped.pop(name, None) is not None:
            await self._alarms.end(_alarm(name))


def _plain(value: Any) -> Any:
    """A value of an outbox's row as `take` gives it."""
    return str(value) if isinstance(value, UUID) else value


def _text_of(moment: int) -> str:
    """How the text of an id begins that bears this moment."""
    digits = f"{moment:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _now() -> int:
    return time.time_ns() // 1_000_000


def _alarm(domain: str) -> str:
    return f"outbox.{domain}"
