"""Moves the oldest part of the log to object storage: a run of events as one object, JSON lines under gzip, named by its SHA-256."""

import gzip
import hashlib

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log.event import LogEvent
from consumers.log.reading import LogDamaged

q = sql.load("log")
_encode = msgspec.json.Encoder().encode


async def archive(conn: asyncpg.Connection, store: ObjectStore, count: int, *, keep: int) -> tuple[int, int] | None:
    """Archive the `count` oldest events of the table, unless fewer than `keep` would stay; returns the first and last position.

    `conn` is log_app's and serves all tenants. A crash leaves either an object that nobody names or rows that the next call removes.
    Raises LogDamaged for a run whose hashes are wrong, which is never archived, and StoreError.
    """
    await _finish(conn)
    head = await conn.fetchrow(q.head)
    first = await conn.fetchval(q.first)
    if head is None or head["position"] - (first + count - 1) < max(1, keep):
        return None
    rows = await conn.fetch(q.read, first - 1, first + count - 1, None, None, count)
    events = [LogEvent(**dict(row)) for row in rows]
    _check(events)
    packed = gzip.compress(b"\n".join(_encode(event) for event in events), 6, mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    key = f"log/{digest}.jsonl.gz"
    await store.put(key, packed, "application/gzip")
    if await store.head(key) != len(packed):
        raise LogDamaged(f"the archive {key} is not in object storage as it was written; nothing was removed")
    await conn.execute(q.keep_archive, first, events[-1].position, key, digest, len(packed), events[0].prev_hash, events[-1].hash)
    await conn.fetchval(q.forget_archived, first)
    return first, events[-1].position


async def _finish(conn: asyncpg.Connection) -> None:
    """Remove rows that an earlier call archived but did not come to remove."""
    first = await conn.fetchval(q.first)
    if first is not None:
        for row in await conn.fetch(q.archives, first - 1, first):
            await conn.fetchval(q.forget_archived, row["first"])


def _check(events: list[LogEvent]) -> None:
    last = None
    for event in events:
        if event.hash != event.expected_hash or (last and (event.prev_hash != last.hash or event.position != last.position + 1)):
            raise LogDamaged(f"the chain is broken at position {event.position}; see `flatrender log verify`")
        last = event
