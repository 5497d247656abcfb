"""What tests do to a log by hand: a head for rows that no sequencer wrote, and partitions so small that a few events fill them."""

import gzip
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from adapters.object_store import ObjectStore
from consumers.log import Archiver
from consumers.log.append import Appender
from consumers.log.archive import drop_retired
from consumers.log.partition_upkeep import PartitionUpkeep
from consumers.runtime.leading import Line, clock
from contracts.chain import chained
from contracts.ids import moment_id
from contracts.runs import MOST_EVENTS, LogEvent

TYPES = (
    "evt.render.job.started.v1",
    "evt.render.job.completed.v1",
    "evt.studio.saved_project.created.v1",
    "evt.identity.tenant.created.v1",
)

EMPTY = "truncate log.events, log.archives, log.ranges, log.alarms"
HEAD = """
    update log.head set first = case when $1 then first else 1 end, position = coalesce((select max(position) from log.events), 0),
      hash = coalesce((select hash from log.events order by position desc limit 1), repeat('0', 64))"""


async def head_follows(db: asyncpg.Connection, *, keep_first: bool = False) -> None:
    """The head says where the table ends, as in a database that was restored, or whose rows came by hand."""
    await db.execute(HEAD, keep_first)


async def parts_of(db: asyncpg.Connection, size: int, count: int) -> None:
    """An empty log, in that many partitions of so many events and one of the usual size."""
    await db.execute(EMPTY)
    for row in await db.fetch("delete from log.parts returning first"):
        await db.execute(f"drop table if exists log.events_{row['first']}")
    for _ in range(count):
        await db.execute("select log.make_part($1)", size)
    await db.execute("select log.make_part()")
    await head_follows(db)


async def usual_parts(db: asyncpg.Connection) -> None:
    """The same with partitions of the usual size."""
    await parts_of(db, 30_000, 1)


async def archive(dsn: str, store: ObjectStore, *, most: int = MOST_EVENTS, parts: int = 1_000, drop: bool = True) -> list[int]:
    """Archive at most so many full partitions, as the leader does once they are old, in runs of `most` events; answers where they began.

    `dsn` is log_app's. Nobody else may lead meanwhile.
    """
    reading, writing = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        for conn in (reading, writing):
            await conn.execute("set app.tenants = '*'")
        line, appender = Line(writing, clock()), Appender(writing)
        await PartitionUpkeep(lambda: asyncpg.connect(dsn), store, 0).look_up(reading, line, appender)
        archiver = Archiver(reading, line, store)
        archiver.most, archiver.window = most, 0
        done: list[int] = []
        while len(done) < parts and (part := await archiver.archive(datetime.now(UTC) + timedelta(days=1))) is not None:
            done.append(part)
        if drop:
            assert await drop_retired(reading, timedelta(0)) == done
        return done
    finally:
        for conn in (reading, writing):
            await conn.close()


async def write_events(db: asyncpg.Connection, count: int, tenants: Sequence[UUID], types: Sequence[str] = TYPES) -> list[LogEvent]:
    """Events in the log behind those that are there, of tenants and types by turns, all of them published; answers the whole log."""
    position, last = await db.fetchrow("select position, hash from log.head")
    began = datetime.now(UTC)
    rows: list[tuple[Any, ...]] = []
    for number in range(count):
        position += 1
        time, request = began + timedelta(milliseconds=number), uuid4()
        tenant, kind = tenants[number % len(tenants)], types[number % len(types)]
        body = f'{{"number":{position},"text":"d\\u00e9j\\u00e0\\n vu"}}'
        values = (moment_id(time, request), kind, tenant, time, "key:1", request, request, f"things/{number}", 1, "", body)
        made = chained(last, position, values)
        rows.append((position, *values, last, made))
        last = made
    await db.copy_records_to_table("events", schema_name="log", records=rows)
    await head_follows(db, keep_first=True)
    await db.execute("update log.head set published = position")
    return [LogEvent(**dict(row)) for row in await db.fetch("select * from log.events order by position")]


async def old_run(db: asyncpg.Connection, store: ObjectStore, last: int) -> None:
    """Archive the log from its first event on as an earlier release did: lines by position, and nothing of them in the table any more."""
    rows = await db.fetch("delete from log.events where position <= $1 returning *", last)
    events = sorted((LogEvent(**dict(row)) for row in rows), key=lambda event: event.position)
    data = gzip.compress(b"\n".join(map(msgspec.json.encode, events)), 6, mtime=0)
    digest = hashlib.sha256(data).hexdigest()
    await store.put(f"log/{digest}.jsonl.gz", data)
    await db.execute(
        "insert into log.archives (first, last, object_key, sha256, bytes, prev_hash, hash, archived_at, format) "
        "values ($1, $2, $3, $4, $5, $6, $7, now(), 1)",
        events[0].position, last, f"log/{digest}.jsonl.gz", digest, len(data), events[0].prev_hash, events[-1].hash,
    )  # fmt: skip
    await db.execute("update log.head set first = $1", last + 1)
