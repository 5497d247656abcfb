"""The first half of the sequencer: from the domains' outboxes into log.events, numbered and chained, in one transaction."""

import logging
from typing import Any

import asyncpg

import sql
from consumers.log.event import GENESIS, chained
from consumers.runtime.lists import as_parameter
from contracts.catalogue import domains

log = logging.getLogger(__name__)
MOST_AT_ONCE = 2000  # per domain and transaction
Row = tuple[Any, ...]  # the columns of log.events, in LogEvent's order
q = sql.load("log")


# PostgreSQL's types of the columns that `append` takes.
_TYPES = ("bigint", "uuid", "text", "uuid", "timestamptz", "text", "uuid", "uuid", "text", "bigint", "text", "json", "text", "text")
_PENDING = "select " + " or ".join(q.pending.replace("{schema}", domain) for domain in domains())
_PARTS = ", ".join(f"t{number} as ({q.take.replace('{schema}', domain)})" for number, domain in enumerate(domains()))
_ALL = " union all ".join(f"select {number} as domain, * from t{number}" for number in range(len(domains())))
_TAKE = f"with {_PARTS} {_ALL} order by domain, id"


class Appender:
    """Appends to the log over one connection, which must hold the sequencer's lock and serve all tenants."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self.position = 0
        self._hash = GENESIS

    async def load(self) -> None:
        """Find the end of the log."""
        head = await self._conn.fetchrow(q.head)
        self.position, self._hash = (head["position"], head["hash"]) if head else (0, GENESIS)

    async def is_pending(self) -> bool:
        """Whether any outbox holds an event."""
        return bool(await self._conn.fetchval(_PENDING))

    async def append(self) -> list[Row]:
        """Move what the outboxes hold, at most MOST_AT_ONCE of each; returns the new rows of the log once they are committed."""
        try:
            return await self._move(skip_known=False)
        except asyncpg.UniqueViolationError:
            return await self._move(skip_known=True)

    async def _move(self, *, skip_known: bool) -> list[Row]:
        position, last_hash = self.position, self._hash
        rows: list[Row] = []
        async with self._conn.transaction():
            taken = await self._conn.fetch(_TAKE, MOST_AT_ONCE)
            if skip_known:
                taken = await self._without_known(taken)
            for record in taken:
                position += 1
                values = tuple(record)[2:]
                made = chained(last_hash, position, values)
                rows.append((position, *values, last_hash, made))
                last_hash = made
            if rows:
                columns = zip(*rows, strict=True)
                await self._conn.execute(q.append, *map(as_parameter, _TYPES, columns))
        self.position, self._hash = position, last_hash
        return rows

    async def _without_known(self, taken: list[asyncpg.Record]) -> list[asyncpg.Record]:
        """An event that the log has already is dropped: its first copy counts."""
        known = {row["event_id"] for row in await self._conn.fetch(q.already_there, [record["event_id"] for record in taken])}
        fresh = []
        for record in taken:
            if record["event_id"] in known:
                log.error("the event %s (%s) came twice; the second is dropped", record["event_id"], record["type"])
            else:
                known.add(record["event_id"])
                fresh.append(record)
        return fresh
