"""The promises about the log and its window EVENTS (I1, I2) as checks: every fact is taken once, and nothing foreign."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import Connection, Frame, StreamError, StreamReader, api, create_stream, ensure_stream, header_lines
from api_edge.handlers.reader import Head
from api_edge.stream.feed import Feed
from consumers.log.event import frame_of
from consumers.log.window import Window
from contracts.catalogue import EVENTS, events_stream
from contracts.chain import Marks
from tests.mutants.checks import Broken, hold
from tests.support.in_process import InProcessDomains


async def no_cursor_passes_what_is_published(in_process: InProcessDomains) -> None:
    """A domain's cursor stops where EVENTS is known to hold the log: what follows may be foreign."""
    store = in_process.stores["studio"]
    published = await in_process.sequence()
    async with store.transaction(None):
        await store.move({"reaction.scenes": published + 5})
    cursor = await in_process.admin.fetchval("select position from studio.cursors where name = 'reaction.scenes'")
    hold(cursor <= published, f"the cursor is at {cursor}, and {published} is published")


async def a_repeated_event_stops_its_outbox_alone(in_process: InProcessDomains) -> None:
    """Of two facts under one id the second waits with all behind it, and the other domains go on."""
    tenant = await in_process.tenant("once")
    await in_process.sequence()
    event = await in_process.admin.fetchval("select event_id from log.events where tenant_id = $1", tenant)
    columns = "type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body"
    copied = f"insert into notification.outbox (event_id, {columns}) select $1, {columns} from log.events where event_id = $2"
    behind = uuid4()
    await in_process.admin.execute(copied, event, event)
    await in_process.admin.execute(copied, behind, event)
    other = await in_process.tenant("another")
    try:
        await in_process.sequence()
    except asyncpg.PostgresError as error:
        raise Broken(f"the log stopped for everybody: {error}") from error
    waiting = [row["event_id"] for row in await in_process.admin.fetch("select event_id from notification.outbox order by id")]
    hold(waiting == [event, behind], f"of the outbox that repeats {event}, {waiting} waits")
    logged = await in_process.admin.fetchval("select count(*) from log.events where tenant_id = $1", other)
    hold(logged, "another domain's event is not in the log")


async def foreign_messages_are_not_taken(in_process: InProcessDomains) -> None:
    """What does not bear the log's marks reaches no domain and no client, and moves no position; the real one at its place does."""
    tenant = await in_process.tenant()
    last = await in_process.sequence()
    row = tuple(await in_process.admin.fetchrow("select * from log.events where position = $1", last))
    head = await in_process.admin.fetchrow("select epoch, seal from log.head")
    marks = Marks(head["epoch"], head["seal"])
    wrong = [frame_of(row, Marks(0, "a guess")), frame_of((*row[:11], '{"name":"forged"}', *row[12:]), marks)]
    for frame in (*wrong, Frame("evt", b"", b"")):
        _not_taken(frame, frame_of(row, marks), last, marks, Head(last - 1, last, head["epoch"], [], head["seal"]), tenant)


def _not_taken(foreign: Frame, real: Frame, position: int, marks: Marks, head: Head, tenant: UUID) -> None:
    reader = StreamReader(SimpleNamespace(on_back=set()), "EVENTS", position - 1)  # type: ignore[arg-type]
    reader._is_genuine = marks.fits
    given = reader._in_order([_delivered(foreign, position)])
    hold(not given and reader.position == position - 1, f"a domain's reader took {foreign}")
    told: list[UUID] = []
    feed = Feed(None, None, None)  # type: ignore[arg-type]
    feed._begin(head)
    feed.listeners.append(lambda event: told.append(event.tenant_id))
    feed._receive(_delivered(foreign, position))
    hold(not told and feed.position == position - 1, f"the edge took {foreign}")
    feed._receive(_delivered(real, position))
    hold(told == [tenant], "the edge did not take the real event")


async def nothing_foreign_stays_in_the_window(in_process: InProcessDomains, nc: Connection) -> None:
    """A foreign message between two events of a row: the stream is made anew, and holds the log's events and no others."""
    for number in range(6):
        await in_process.tenant(f"tenant {number}")
    await in_process.sequence()
    rows = [tuple(row) for row in await in_process.admin.fetch("select * from log.events order by position")]
    await ensure_stream(nc, events_stream())
    await api(nc, f"STREAM.DELETE.{EVENTS}")
    await create_stream(nc, events_stream())
    window = Window(in_process._log, asyncio.Lock(), nc)
    await window.load()
    await window.publish(rows[:2])
    await nc.publish(Frame(*frame_of(rows[0], Marks(0, "x"))).subject, b"foreign")
    with contextlib.suppress(StreamError):
        await window.publish(rows[2:])
    await window.align()
    reader = StreamReader(nc, EVENTS, 0)
    found: list[str] = []
    while batch := await reader.next(100, 0.5):
        found += [(msg.headers or {}).get("ce-id", "") for msg in batch]
    await reader.close()
    hold(found == [str(row[1]) for row in rows], f"the stream holds {found}, the log {[str(row[1]) for row in rows]}")


def _delivered(frame: Frame, position: int) -> Any:
    """A message as a reader and as the edge's subscription get it."""
    headers = {**header_lines(frame.lines), "Nats-Sequence": str(position)}
    return SimpleNamespace(subject=frame.subject, headers=headers, data=frame.body, reply=f"$JS.ACK.EVENTS.reader.1.{position}.1.0.0")
