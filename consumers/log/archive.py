"""Moves the oldest part of the log to object storage: a run of events as one object, looked at again before anything leaves the table.

A crash leaves an object that the next try writes again under the same name, a run that is in the table too, or a partition that nobody
reads any more. The next try goes on from there.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log.log_reader import LogDamaged, run_of
from consumers.runtime.leading import Line
from contracts.chain import GENESIS
from contracts.runs import MOST_BYTES, MOST_EVENTS, LogEvent, Run, RunDamaged, packed, read_piece, read_run

LEAST_WINDOW = 1000  # events that a window made anew holds at least, if the log has them
q = sql.load("log")


class Archiver:
    """`conn` reads; `line` is the leader's, over which alone anything is written. Both are log_app's and serve all tenants."""

    def __init__(self, conn: asyncpg.Connection, line: Line, store: ObjectStore) -> None:
        self._conn, self._line, self._store = conn, line, store
        self.most, self.window = MOST_EVENTS, LEAST_WINDOW

    async def archive(self, older_than: datetime) -> int | None:
        """Archive the oldest partition, if all in it happened before that; answers its first position, or None.

        Raises LogDamaged for what is not as it was written, with nothing removed, and StoreError.
        """
        await self._write_anew()
        part = await self._conn.fetchrow(q.to_archive, self.window, older_than)
        if part is None:
            return None
        after = part["next"] - 1
        while after < part["last"]:
            after = await self._archive_run(after, part["last"])
        await self._find_again(part["first"], part["last"])
        await self._do(q.retire, part["first"])
        return int(part["first"])

    async def _archive_run(self, after: int, last: int) -> int:
        events = await self._events(after, last)
        before = await self._conn.fetchval(q.hash_of, after) if after else GENESIS
        _check(events, after, before)
        await self._store_run(events)
        return events[-1].position

    async def _events(self, after: int, last: int) -> list[LogEvent]:
        events: list[LogEvent] = []
        size = 0
        while len(events) < self.most and after < last:
            rows = await self._conn.fetch(q.read, after, last, None, None, min(1000, self.most - len(events)))
            if not rows:
                raise LogDamaged(f"position {after + 1} is missing from the log; `flatrender replay --verify` says more")
            for row in rows:
                size += len(row["body"])
                if events and size > MOST_BYTES:
                    return events
                events.append(LogEvent(**dict(row)))
            after = events[-1].position
        return events

    async def _store_run(self, events: list[LogEvent]) -> None:
        run = await asyncio.to_thread(packed, events)
        await self._store.put(run.key, run.data, "application/gzip")
        await self._read_back(run, events)
        pieces = msgspec.json.encode(run.pieces).decode()
        ids = [event.event_id for event in events]
        first, last = events[0], events[-1]
        await self._do(
            q.keep_run, first.position, last.position, run.key, run.sha256, len(run.data), first.prev_hash, last.hash, ids, pieces
        )  # fmt: skip

    async def _read_back(self, run: Run, events: list[LogEvent]) -> None:
        """A run that was just stored: the whole of it is what the table has, and each piece can be read by itself. Raises LogDamaged."""
        found = await self._store.get(run.key, len(run.data))
        if found != run.data or not await asyncio.to_thread(_holds, found, run, events):
            raise _not_kept(run.key)

    async def _find_again(self, first: int, last: int) -> None:
        """All runs of a partition before it goes: some may have been stored long ago. Raises LogDamaged."""
        for row in await self._conn.fetch(q.archives, first - 1, last):
            if await self._store.sha256(row["object_key"]) != row["sha256"]:
                raise _not_kept(row["object_key"])

    async def _write_anew(self) -> None:
        """Runs of an earlier release, of which no tenant's part can be read by itself."""
        for row in await self._conn.fetch(q.old_runs):
            events = await run_of(row, self._store)
            _check(events, row["first"] - 1, row["prev_hash"])
            if (events[-1].position, events[-1].hash) != (row["last"], row["hash"]):
                raise LogDamaged(f"the archive {row['object_key']} does not hold what it was written for")
            await self._store_run(events)

    async def _do(self, statement: str, *args: Any) -> None:
        async with self._line:
            await self._line.conn.execute(statement, *args)


def _holds(data: bytes, run: Run, events: list[LogEvent]) -> bool:
    """Whether the object of a run holds these events, and each of its pieces can be read by itself."""
    try:
        for piece in run.pieces:
            read_piece(LogEvent, data[piece.offset : piece.offset + piece.bytes], piece)
        return read_run(LogEvent, data, run.sha256) == events
    except RunDamaged:
        return False


def _not_kept(key: str) -> LogDamaged:
    return LogDamaged(f"the archive {key} is not in object storage as it was written; nothing was removed")


async def drop_retired(conn: asyncpg.Connection, wait: timedelta) -> list[int]:
    """Drop the partitions that were retired at least so long ago and that no transaction may be reading; answers their first positions."""
    try:
        return list(await conn.fetchval(q.drop_retired, wait))
    except asyncpg.LockNotAvailableError:  # somebody reads the log just now
        return []


def _check(events: list[LogEvent], position: int, last_hash: str) -> None:
    for event in events:
        position += 1
        if event.position != position or event.prev_hash != last_hash or event.hash != event.expected_hash:
            raise LogDamaged(f"the chain is broken at position {position}; `flatrender replay --verify` says more")
        last_hash = event.hash
