"""Events in outboxes, a sequencer that runs, and what log and stream hold then."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import Connection, StreamReader, stream_state
from consumers.log import Sequencer
from contracts.catalogue import EVENTS

TENANT = UUID("aaaaaaaa-0000-4000-8000-000000000001")
TYPE = "evt.render.job.started.v1"
INSERT = """insert into {domain}.outbox
    (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
    values ($1, $2, $3, $4, 'key:1', $1, $1, 'jobs/1', 1, '', $5)"""


async def happen(db: asyncpg.Connection, count: int, domain: str = "render", tenant: UUID = TENANT) -> list[UUID]:
    """Put events into a domain's outbox; returns their ids in order."""
    ids = [uuid4() for _ in range(count)]
    now = datetime.now(UTC)
    await db.executemany(INSERT.format(domain=domain), [(i, TYPE, tenant, now, json.dumps({"job_id": str(i)})) for i in ids])
    return ids


@asynccontextmanager
async def running(dsn: str, nc: Connection) -> AsyncIterator[Sequencer]:
    """A sequencer, stopped hard at the end."""
    sequencer = Sequencer(lambda: asyncpg.connect(dsn), nc)
    task = asyncio.create_task(sequencer.run())
    sequencer.task = task  # type: ignore[attr-defined]
    try:
        yield sequencer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_published(sequencer: Sequencer, position: int) -> None:
    while sequencer.published < position:
        await asyncio.sleep(0.01)


async def in_log(db: asyncpg.Connection) -> list[UUID]:
    return [row["event_id"] for row in await db.fetch("select event_id from log.events order by position")]


async def in_stream(nc: Connection) -> list[tuple[int, str]]:
    """Position and event id of everything that the stream holds."""
    state = await stream_state(nc, EVENTS)
    assert state
    reader = StreamReader(nc, EVENTS, after=state["state"]["first_seq"] - 1)
    found: list[tuple[int, str]] = []
    while len(found) < state["state"]["messages"]:
        found += [(msg.metadata.sequence.stream, (msg.headers or {})["ce-id"]) for msg in await reader.next(500, 5)]
    await reader.close()
    return found


def numbered(ids: list[UUID], start: int = 1) -> list[tuple[int, str]]:
    return [(position, str(event)) for position, event in enumerate(ids, start)]
