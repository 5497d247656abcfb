"""What tests do to a log by hand: a head for rows that no sequencer wrote, and partitions so small that a few events fill them."""

from datetime import UTC, datetime, timedelta

import asyncpg

from adapters.object_store import ObjectStore
from consumers.log import Archiver
from consumers.log.append import Appender
from consumers.log.archive import drop_retired
from consumers.log.keeping import Keeper
from consumers.runtime.leading import Line, clock
from contracts.runs import MOST_EVENTS

EMPTY = "truncate log.events, log.archives, log.ranges, log.alarms"
HEAD = """
    update log.head set first = 1, position = coalesce((select max(position) from log.events), 0),
      hash = coalesce((select hash from log.events order by position desc limit 1), repeat('0', 64))"""


async def head_follows(db: asyncpg.Connection) -> None:
    """The head says where the table ends, as in a database that was restored, or whose rows came by hand."""
    await db.execute(HEAD)


async def parts_of(db: asyncpg.Connection, size: int, count: int) -> None:
    """An empty log, in that many partitions of so many events; what its leader makes behind them is of the usual size."""
    await db.execute(EMPTY)
    for row in await db.fetch("delete from log.parts returning first"):
        await db.execute(f"drop table if exists log.events_{row['first']}")
    for _ in range(count):
        await db.execute("select log.make_part($1)", size)
    await head_follows(db)


async def usual_parts(db: asyncpg.Connection) -> None:
    """The same with partitions of the usual size."""
    await parts_of(db, 30_000, 2)


async def archive(dsn: str, store: ObjectStore, *, most: int = MOST_EVENTS, parts: int = 1_000, drop: bool = True) -> list[int]:
    """Archive at most so many full partitions, as the leader does once they are old, in runs of `most` events; answers where they began.

    `dsn` is log_app's. Nobody else may lead meanwhile.
    """
    reading, writing = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        for conn in (reading, writing):
            await conn.execute("set app.tenants = '*'")
        line, appender = Line(writing, clock()), Appender(writing)
        await Keeper(lambda: asyncpg.connect(dsn), store, 0).look_up(reading, line, appender)
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
