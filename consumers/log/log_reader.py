"""Reading the log as one sequence: what lies in archives in object storage, then the table; and checking its chain."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectMissing, ObjectStore, ObjectTooLarge
from contracts.chain import GENESIS
from contracts.runs import LARGEST, LogEvent, Piece, RunDamaged, read_piece, read_run

BATCH = 1000
q = sql.load("log")


class LogDamaged(Exception):
    """A part of the log cannot be read, or is not what was written."""


async def read(
    conn: asyncpg.Connection,
    since: int = 0,
    *,
    tenant: UUID | None = None,
    type_prefix: str | None = None,
    until: int | None = None,
    store: ObjectStore | None = None,
) -> AsyncIterator[list[LogEvent]]:
    """The events after position `since`, up to and with `until`, in order and in batches.

    `conn` serves all tenants (`set app.tenants = '*'`), or the one asked for. `type_prefix` is like `evt.render.`; `store` is needed
    where the log begins in archives, of which no more than a run is held at once. Raises LogDamaged.
    """
    while True:
        # Again after the table: what was to come next there may lie in archives only by now.
        before = await conn.fetchval(q.first) - 1
        if since < before:
            async for events in archived(conn, since, before if until is None else min(before, until), store, tenant):
                chosen = [event for event in events if type_prefix is None or event.type.startswith(type_prefix)]
                for start in range(0, len(chosen), BATCH):
                    yield chosen[start : start + BATCH]
            since = before
        rows = await conn.fetch(q.read, since, until, tenant, type_prefix, BATCH)
        if rows:
            since = rows[-1]["position"]
            yield [LogEvent(**dict(row)) for row in rows]
        elif since + 1 >= await conn.fetchval(q.first):
            return


async def archived(
    conn: asyncpg.Connection, since: int, until: int, store: ObjectStore | None, tenant: UUID | None = None
) -> AsyncIterator[list[LogEvent]]:
    """The archived events after a position up to another, a run at a time, or of one tenant a piece at a time. Raises LogDamaged."""
    async for events in _runs(conn, since, until, store) if tenant is None else _of_tenant(conn, since, until, store, tenant):
        if chosen := [event for event in events if since < event.position <= until]:
            yield chosen


async def _runs(conn: asyncpg.Connection, since: int, until: int, store: ObjectStore | None) -> AsyncIterator[list[LogEvent]]:
    for row in await conn.fetch(q.archives, since, until):
        yield await run_of(row, store)


async def _of_tenant(
    conn: asyncpg.Connection, since: int, until: int, store: ObjectStore | None, tenant: UUID
) -> AsyncIterator[list[LogEvent]]:
    for row in await conn.fetch(q.old_runs):
        if row["last"] > since and row["first"] <= until:  # old ones are the oldest, so that the order is kept
            yield [event for event in await run_of(row, store) if event.tenant_id == tenant]
    for row in await conn.fetch(q.ranges, tenant, since, until):
        *values, key = row
        piece = Piece(**dict(zip(Piece.__struct_fields__, values, strict=True)))
        data = await _taken(key, piece.first, piece.last, store, piece.offset, piece.bytes)
        yield await _decoded(key, read_piece, LogEvent, data, piece)


async def run_of(row: Any, store: ObjectStore | None) -> list[LogEvent]:
    """The events of an archived run, of which this is the row, in the order of positions. Raises LogDamaged, StoreError."""
    data = await _taken(row["object_key"], row["first"], row["last"], store)
    events: list[LogEvent] = await _decoded(row["object_key"], read_run, LogEvent, data, row["sha256"])
    return events


async def _taken(key: str, first: int, last: int, store: ObjectStore | None, offset: int = 0, length: int = 0) -> bytes:
    if store is None:
        raise LogDamaged(f"positions {first} to {last} lie in the archive {key}; object storage is needed to read them")
    try:
        return await (store.get_range(key, offset, length) if length else store.get(key, LARGEST))
    except (ObjectMissing, ObjectTooLarge) as error:
        raise LogDamaged(f"the archive {key} (positions {first} to {last}) cannot be read: {error}") from error


async def _decoded(key: str, read: Any, *args: Any) -> Any:
    try:
        return await asyncio.to_thread(read, *args)
    except (RunDamaged, msgspec.MsgspecError, OSError, EOFError) as error:
        raise LogDamaged(f"the archive {key} cannot be read: {error}") from error


async def verify_chain(conn: asyncpg.Connection, *, store: ObjectStore | None = None) -> int | None:
    """The first position whose hash or place is wrong, or None when the whole chain holds. Raises LogDamaged."""
    position, last_hash = 0, GENESIS
    async for events in read(conn, store=store):
        for event in events:
            position += 1
            if event.position != position or event.prev_hash != last_hash or event.hash != event.expected_hash:
                return position
            last_hash = event.hash
    return None
