"""A log on real servers, and a small domain over it whose copy counts what it was told, so that a gap or a repeat shows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import Connection, PullConsumer, StreamReader, stream_state
from consumers.log import Sequencer, window
from consumers.render.jobs.tables import SHARES
from consumers.render.kinds import inspections
from consumers.render.kinds.inspections import INSPECTIONS
from consumers.runtime.domain import Domain
from consumers.runtime.genuine import genuine
from consumers.runtime.history import History
from consumers.runtime.projection import create, fresh, moved, nothing
from consumers.runtime.reactions import Fold, Hearer, Reaction
from consumers.runtime.runtime import Runtime
from contracts.audit import QUARANTINED, REFUSED
from contracts.catalogue import EVENTS, LOG_API, decided_streams, subjects_of
from contracts.envelope import first
from contracts.file_mgr.files import FileStored
from contracts.file_mgr.uploads import UploadStarted
from contracts.identity.tenants import TenantLimitsChanged
from contracts.message import Command, Event, encode, type_of
from contracts.render.inspections import InspectionRequested, RequestInspection
from producers.publisher import Publisher
from tests.stream.support import delete_stream
from tests.support.leading import app_connection
from tests.support.password import PASSWORD

INSERT = """insert into {domain}.outbox
    (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
    values ($1, $2, $3, $4, 'key:1', $1, $1, 'a/1', 1, '', $5)"""
SLOTS = "select coalesce(sum(max_slots), 0) from render.tenant_shares"
PLACE = "select position from render.cursors where name = 'reaction.' || $1"


def count(event: TenantLimitsChanged, envelope: Any, view: Any) -> Any:
    """One more for the tenant; `max_slots` 0 in the event is what cannot be learned."""
    if event.max_slots == 0:
        raise ValueError("this release cannot learn that")
    known = view.get(SHARES)
    if known is None:
        yield SHARES, fresh(SHARES, envelope, {"render_weight": 1, "max_slots": 1})
    else:
        yield SHARES, moved(known, envelope, max_slots=known.max_slots + 1)


def inspect(event: Any, envelope: Any) -> list[Command]:
    """A file is to be opened."""
    return [RequestInspection(file_id=event.file_id, name=event.name, bytes=1, object_key="k")]


COUNTING = Fold(name="counting", on=TenantLimitsChanged, into=SHARES, write=count)
ACTING = Reaction(name="acting", on=FileStored, make=inspect, history="act")
SKIPPING = Reaction(name="skipping", on=UploadStarted, make=inspect, history="skip")


def domain(*reacts: Hearer) -> Domain:
    """The render domain's schema with these reactions."""
    return Domain(
        name="render",
        tables=(SHARES, INSPECTIONS),
        decides={RequestInspection: inspections.request},
        writes={InspectionRequested: create(INSPECTIONS), REFUSED["render"]: nothing, QUARANTINED["render"]: nothing},
        reacts=reacts,
    )


def counted(slots: int = 1) -> TenantLimitsChanged:
    """What the fold counts."""
    return TenantLimitsChanged(render_weight=1, max_slots=slots, requests_per_second=1)


def stored() -> FileStored:
    """What the acting reaction reacts to."""
    return FileStored(file_id=uuid4(), upload_id=uuid4(), name="stored", bytes=1, media_type="a/b", object_key="k")


def announced() -> UploadStarted:
    """What the skipping reaction reacts to."""
    more = {"object_key": "k", "part_bytes": 1, "part_count": 1}
    return UploadStarted(file_id=uuid4(), upload_id=uuid4(), name="announced", bytes=1, media_type="a/b", **more)


class Past:
    """A log with its sequencer, over a database of its own; `leading` runs a domain over it."""

    def __init__(self, dsn: str, login: Callable[[str], Awaitable[Connection]], log_admin: Connection) -> None:
        self.dsn, self.login, self.log_admin = dsn, login, log_admin
        self.tenants = [uuid4() for _ in range(7)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Past"]:
        """The sequencer, until the end."""
        self.db = await asyncpg.connect(self.dsn)
        await self.db.execute("set app.tenants = '*'")
        self.sequencer = Sequencer(lambda: asyncpg.connect(self.dsn, user="log_app", password=PASSWORD), await self.login("log"))
        task = asyncio.create_task(self.sequencer.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.db.close()

    async def tell(self, events: Iterable[Event], tenant: UUID | None = None) -> int:
        """Have these happen; answers the position of the last once it is published."""
        ids: list[UUID] = []
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for number, event in enumerate(events):
            entry = type_of(event)
            whose = tenant or self.tenants[number % len(self.tenants)]
            ids.append(uuid4())
            rows.setdefault(entry.domain, []).append((ids[-1], entry.full_name, whose, datetime.now(UTC), encode(event).decode()))
        for name, some in rows.items():
            await self.db.executemany(INSERT.format(domain=name), some)
        await self.until("select count(*) from log.events where event_id = any ($1)", lambda found: found == len(ids), ids)
        last = int(await self.db.fetchval("select max(position) from log.events where event_id = any ($1)", ids))
        await self.until("select published from log.head", lambda published: published >= last)
        return last

    async def until(self, question: str, fits: Callable[[Any], bool], *args: Any) -> Any:
        """The answer, once it fits."""
        while not fits(answer := await self.db.fetchval(question, *args)):
            await asyncio.sleep(0.01)
        return answer

    async def at(self, name: str) -> int:
        """Where a reaction's cursor stands."""
        return int(await self.db.fetchval(PLACE, name))

    async def until_at(self, name: str, position: int) -> None:
        """Wait until a reaction has come so far."""
        await self.until(PLACE, lambda at: at is not None and at >= position, name)

    async def send(self, command: Command) -> UUID:
        """Publish a command as the edge does; answers its id."""
        envelope = first(command, tenant=self.tenants[0], actor="key:test")
        await Publisher(await self.login("admin")).publish(command, envelope)
        return envelope.id

    async def decided(self, command: UUID) -> str | None:
        """What became of a command; None while it waits."""
        return await self.db.fetchval("select state from render.inbox where id = $1", command)

    async def forget_all_but(self, last: int) -> None:
        """Have the window hold the log's end alone, as when its age ended or it was made anew while a reaction was far behind."""
        head = await self.db.fetchval("select published from log.head")
        with patch.multiple(window, LEAST_WINDOW=last, MOST_WINDOW=last):
            await delete_stream(self.log_admin, EVENTS)
            while (state := await stream_state(self.log_admin, EVENTS)) is None or state["state"]["last_seq"] < head:
                await asyncio.sleep(0.02)
        assert state["state"]["first_seq"] == head - last + 1

    @asynccontextmanager
    async def leading(self, domain: Domain) -> AsyncIterator[Runtime]:
        """The domain's runtime, stopped hard at the end."""
        nc = await self.login("render")
        pool = await asyncpg.create_pool(self.dsn, user="render_app", password=PASSWORD, min_size=1, max_size=3)
        subjects = subjects_of(dict.fromkeys(event for one in domain.reacts for event in one.events))

        async def feed(cursor: int) -> StreamReader:
            return StreamReader(nc, EVENTS, cursor, subjects=subjects, knows=lambda last: genuine(pool, last), prefix=LOG_API)

        commands = [PullConsumer(nc, stream, "render", owns_stream=True) for stream in decided_streams("render")]
        runtime = Runtime(domain, nc, lambda: app_connection(self.dsn, "render"), commands, feed, History(pool, None))  # type: ignore[arg-type]
        task = asyncio.create_task(runtime.run())
        task.add_done_callback(lambda ended: None if ended.cancelled() else ended.result())
        try:
            yield runtime
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            pool.terminate()
