"""Reading the log: from the table and, before it, from the archives in object storage; and checking its chain."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log.event import LogEvent
from contracts.chain import GENESIS

BATCH = 1000
LARGEST_ARCHIVE = 512 * 1024 * 1024  # bytes
q = sql.load("log")
_decoder = msgspec.json.Decoder(LogEvent)


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
    where the log begins in archives. Raises LogDamaged.
    """
    async for events in _archived(conn, since, until, store):
        since = events[-1].position
        chosen = [
            e for e in events if (tenant is None or e.tenant_id == tenant) and (type_prefix is None or e.type.startswith(type_prefix))
        ]
        for start in range(0, len(chosen), BATCH):
            yield chosen[start : start + BATCH]
    while rows := await conn.fetch(q.read, since, until, tenant, type_prefix, BATCH):
        since = rows[-1]["position"]
        yield [LogEvent(**dict(row)) for row in rows]


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


async def _archived(conn: asyncpg.Connection, since: int, until: int | None, store: ObjectStore | None) -> AsyncIterator[list[LogEvent]]:
    """The part that lies in archives, an archive at a time."""
    for row in await conn.fetch(q.archives, since, until):
        if store is None:
            raise LogDamaged(
                f"positions {row['first']} to {row['last']} lie in the archive {row['object_key']}; object storage is needed to read them"
            )
        packed = await store.get(row["object_key"], LARGEST_ARCHIVE)
        if hashlib.sha256(packed).hexdigest() != row["sha256"]:
            raise LogDamaged(
                f"the archive {row['object_key']} (positions {row['first']} to {row['last']}) was changed after it was written"
            )
        events = [_decoder.decode(line) for line in gzip.decompress(packed).splitlines()]
        chosen = [event for event in events if event.position > since and (until is None or event.position <= until)]
        if chosen:
            yield chosen
