"""The log: events per second from the outboxes through the sequencer, beside the same rows inserted and published as they are."""

import asyncio
import time
from typing import Any

import asyncpg

from adapters.nats import Frame, api, begin_row, stored
from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import Ground, admin, servers
from benchmarks.history import fill
from consumers.log.event import frame_of
from consumers.log.sequencer import Sequencer
from contracts.chain import Marks
from deploy.consume import pg_connect

BOUNDS = (Bound("value", least=10_000.0), Bound("ratio", least=0.5))
LIMIT = "one process: reading outboxes, hashing the chain and encoding headers in Python share its core with the two servers' own work"
GROUP, BATCH = 2000, 500  # rows in a transaction, messages in a row that is acknowledged once: as the sequencer has them


async def measure(quick: bool) -> list[Figure]:
    """Events per second until the stream has stored them."""
    events = 6_000 if quick else 30_000
    async with servers() as ground:
        await fill(ground, 1)
        await _sequenced(ground, 1)  # a stream that is new is begun another way
        await fill(ground, events)
        seconds = await _sequenced(ground, events + 1)
        conn = await ground.postgres("log_app")
        rows = [tuple(row) for row in await conn.fetch("select * from log.events where position > 1 order by position")]
        floor = await _plain(ground, rows)
        await conn.close()
    return [figure("log", events / seconds, "events/s", len(rows) / floor, BOUNDS, LIMIT)]


async def _sequenced(ground: Ground, until: int) -> float:
    """Seconds until the stream holds the log up to a position."""
    nc = await ground.nats("log")
    sequencer = Sequencer(lambda: pg_connect(ground.settings("log"), "log_app"), nc)
    began = time.perf_counter()
    running = asyncio.create_task(sequencer.run())
    await sequencer.active.wait()
    while sequencer.published < until:
        if running.done():
            running.result()
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await nc.close()
    return seconds


async def _plain(ground: Ground, rows: list[tuple[Any, ...]]) -> float:
    """Seconds to insert the rows into a table like the log's and publish them, while the next group is inserted."""
    nc = await admin(ground)
    conn = await asyncpg.connect(ground.servers.pg_admin_dsn)
    await conn.execute("create table floor (like log.events including indexes)")
    columns = [str(row["typ"]) for row in await conn.fetch(_COLUMNS)]
    insert = await conn.prepare(
        f"insert into floor select * from unnest({', '.join(f'${n}::{typ}[]' for n, typ in enumerate(columns, 1))})"
    )
    await api(nc, "STREAM.CREATE.FLOOR", {"name": "FLOOR", "subjects": ["floor.>"], "storage": "file", "persist_mode": "async"})
    marks = Marks(0, "a key")
    frames = [Frame(f"floor.{frame.subject}", frame.lines, frame.body) for frame in (frame_of(row, marks) for row in rows)]
    began = time.perf_counter()
    publishing = None
    for start in range(0, len(rows), GROUP):
        await insert.fetch(*zip(*rows[start : start + GROUP], strict=True))
        if publishing:
            await publishing
        publishing = asyncio.create_task(_publish(nc, frames[start : start + GROUP]))
    if publishing:
        await publishing
    seconds = time.perf_counter() - began
    await conn.close()
    await nc.close()
    return seconds


async def _publish(nc: Any, frames: list[Frame]) -> None:
    for start in range(0, len(frames), BATCH):
        await stored(await begin_row(nc, frames[start : start + BATCH]))


_COLUMNS = (
    "select format_type(atttypid, atttypmod) as typ from pg_attribute where attrelid = 'floor'::regclass and attnum > 0 order by attnum"
)
