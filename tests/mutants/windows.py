"""The promises about the log and its window EVENTS (I1, I2) as checks: every fact is taken once, and nothing foreign."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import Connection, Frame, StreamError, StreamReader, api, create_stream, ensure_stream, header_lines
from api_edge.feed import Feed
from api_edge.reading import Head
from consumers.log.event import frame_of
from consumers.log.window import Window
from contracts.catalogue import EVENTS, events_stream
from contracts.chain import Marks
from tests.mutants.checks import Broken, hold
from tests.support.house import House


async def no_cursor_passes_what_is_published(house: House) -> None:
    """A domain's cursor stops where EVENTS is known to hold the log: what follows may be foreign."""
    store = house.stores["studio"]
    published = await house.sequence()
    async with store.transaction(None):
        await store.move({"reaction.scenes": published + 5})
    cursor = await house.admin.fetchval("select position from studio.cursors where name = 'reaction.scenes'")
    hold(cursor <= published, f"the cursor is at {cursor}, and {published} is published")


async def a_repeated_event_stops_its_outbox_alone(house: House) -> None:
    """Of two facts under one id the second waits with all behind it, and the other domains go on."""
    tenant = await house.tenant("once")
    await house.sequence()
    event = await house.admin.fetchval("select event_id from log.events where tenant_id = $1", tenant)
    columns = "type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body"
    copied = f"insert into notification.outbox (event_id, {columns}) select $1, {columns} from log.events where event_id = $2"
    behind = uuid4()
    await house.admin.execute(copied, event, event)
    await house.admin.execute(copied, behind, event)
    other = await house.tenant("another")
    try:
        await house.sequence()
    except asyncpg.PostgresError as error:
        raise Broken(f"the log stopped for everybody: {error}") from error
    waiting = [row["event_id"] for row in await house.admin.fetch("select event_id from notification.outbox order by id")]
    hold(waiting == [event, behind], f"of the outbox that repeats {event}, {waiting} waits")
    logged = await house.admin.fetchval("select count(*) from log.events where tenant_id = $1", other)
    hold(logged, "another domain's event is not in the log")


async def foreign_messages_are_not_taken(house: House) -> None:
    """What does not bear the log's marks reaches no domain and no client, and moves no position; the real one at its place does."""
    tenant = await house.tenant()
    last = await house.sequence()
    row = tuple(await house.admin.fetchrow("select * from log.events where position = $1", last))
    head = await house.admin.fetchrow("select epoch, seal from log.head")
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


async def nothing_foreign_stays_in_the_window(house: House, nc: Connection) -> None:
    """A foreign message between two events of a row: the stream is made anew, and holds the log's events and no others."""
    for number in range(6):
        await house.tenant(f"tenant {number}")
    await house.sequence()
    rows = [tuple(row) for row in await house.admin.fetch("select * from log.events order by position")]
    await ensure_stream(nc, events_stream())
    await api(nc, f"STREAM.DELETE.{EVENTS}")
    await create_stream(nc, events_stream())
    window = Window(house._log, asyncio.Lock(), nc)
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
