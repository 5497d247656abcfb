"""Replay with proof: the whole log into a scratch database, the chain checked on the way, every event table compared with the live one."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log import LogDamaged, LogEvent
from consumers.log.log_reader import archived
from consumers.runtime.domain import Domain
from consumers.runtime.reactions import CURSOR
from consumers.runtime.replay import Hashes, Projector, Report, Spans, compare, hashes
from consumers.runtime.table import Table
from contracts.chain import GENESIS
from contracts.domains import DOMAINS
from deploy.domains import all_domains
from sql.migrate import migrations

PREFIX = "flatrender_replay_"
SCRATCH_LOCK = 7_301_017  # held while scratch databases are swept and one is made
FETCH = 1000  # events at once: some 20 ms, after which the answers to everything that runs meanwhile are heard
_projected = attrgetter(
    "position", "event_id", "type", "tenant_id", "time", "actor", "correlation_id", "causation_id", "traceparent", "body"
)
SERVER = {"timezone": "UTC", "application_name": "flatrender replay"}
T = TypeVar("T")
Columns = Any  # a sequence: a record of asyncpg or a tuple
_q, _log = sql.load("runtime"), sql.load("log")


async def verify(
    pg_admin_dsn: str, domains: Sequence[Domain] | None = None, *, store: ObjectStore | None = None, first: int = 20
) -> Report:
    """Replay the database of this address and compare; nothing in it is changed, no effect and no timer fires.

    The role must be a superuser. `store` is needed where the log begins in archives; `first` differences of a table are told in detail.
    Raises LogDamaged for an archive that cannot be read, and asyncpg's errors.
    """
    began = time.monotonic()
    chosen = all_domains() if domains is None else list(domains)
    tables = [table for domain in chosen for table in domain.tables]
    async with (
        snapshot(pg_admin_dsn) as (reader, other),
        _in_the_making(scratch_database(pg_admin_dsn, tables)) as scratch,
        _meanwhile(_judged(other, tables, store)) as judged,
    ):
        with _without_collector():
            counts, problems = await replay_into(scratch, reader, chosen, store=store)
        async with (replayed := await scratch).transaction():
            theirs = await hashes(replayed, tables)
            ours, broken = await judged
            found = await compare((other, replayed), ours, theirs, first=first)
    return Report(
        events=counts.events,
        unsequenced=counts.unsequenced,
        head=counts.head,
        tables=found,
        problems=(*broken, *problems),
        seconds=time.monotonic() - began,
    )


class Counts(msgspec.Struct):
    """What a replay has read."""

    events: int = 0
    unsequenced: int = 0
    head: int = 0


async def replay_into(
    scratch: asyncio.Future[asyncpg.Connection], live: asyncpg.Connection, domains: Sequence[Domain], *, store: ObjectStore | None = None
) -> tuple[Counts, list[str]]:
    """Project the whole log and then what lies in outboxes; answers how much that was, and what could not be applied."""
    counts = Counts()
    async with Projector(scratch, domains, await spans(live, domains)) as projector:
        async for records in recorded(live, store):
            counts.events, counts.head = counts.events + len(records), records[-1][0]
            await projector.take(records)
        for domain in DOMAINS:
            cursor = await live.cursor(_q.unsequenced.replace("{schema}", domain))
            while rows := await cursor.fetch(FETCH):
                counts.unsequenced += len(rows)
                await projector.take(rows)
    return counts, projector.problems


async def spans(live: asyncpg.Connection, domains: Sequence[Domain]) -> Spans:
    """Where each fold began, and how far it has come, in the live database."""
    found = {}
    for domain in domains:
        for row in await live.fetch(_q.cursors.replace("{schema}", domain.name)):
            found[domain.name, row["name"].removeprefix(CURSOR)] = (row["since"], row["position"])
    return found


async def recorded(live: asyncpg.Connection, store: ObjectStore | None) -> AsyncIterator[Sequence[Columns]]:
    """The log as the projector's columns: what lies in archives only, then the table."""
    async for events in _archived(live, store):
        yield list(map(_projected, events))
    cursor = await live.cursor(_q.recorded)
    while rows := await cursor.fetch(FETCH):
        yield rows


async def _archived(live: asyncpg.Connection, store: ObjectStore | None) -> AsyncIterator[list[LogEvent]]:
    """What lies in archives only, a run at a time."""
    async for events in archived(live, 0, await live.fetchval(_log.first) - 1, store):
        for start in range(0, len(events), FETCH):
            yield events[start : start + FETCH]
            await asyncio.sleep(0)  # the answers to what runs meanwhile


async def _judged(live: asyncpg.Connection, tables: list[Table[Any]], store: ObjectStore | None) -> tuple[Hashes, list[str]]:
    """The live tables' hashes and the first break of the chain, found by PostgreSQL while this process projects."""
    return await hashes(live, tables), await chain_breaks(live, store)


async def chain_breaks(live: asyncpg.Connection, store: ObjectStore | None) -> list[str]:
    """The first break of the log's chain; what comes after it cannot be judged."""
    position, last = 0, GENESIS
    async for events in _archived(live, store):
        for event in events:
            if event.position != position + 1 or event.prev_hash != last or event.hash != event.expected_hash:
                return [_break(event.position, position, event.type, event.event_id)]
            position, last = event.position, event.hash
    row = await live.fetchrow(_q.chain_break, position, last)
    return [_break(*row)] if row else []


def _break(position: int, before: int, kind: str, event_id: UUID) -> str:
    if position != before + 1:
        return f"position {before + 1} is missing from the log; {position} follows"
    return f"the chain is broken at position {position}: {kind} {event_id} is not what was written"


@asynccontextmanager
async def _in_the_making(context: AbstractAsyncContextManager[T]) -> AsyncIterator[asyncio.Future[T]]:
    """Enter a context beside other work; it is left in any case."""
    entering = asyncio.ensure_future(context.__aenter__())
    try:
        yield entering
    finally:
        with suppress(Exception):  # whoever awaited it has heard it
            await entering
            await context.__aexit__(None, None, None)


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing here is cyclic; walking all rows again and again would take a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Two connections that see one and the same moment of the live database, over all tenants."""
    async with _connected(dsn) as one, _connected(dsn) as other, one.transaction(isolation="repeatable_read", readonly=True):
        moment = await one.fetchval("select pg_export_snapshot()")
        async with other.transaction(isolation="repeatable_read", readonly=True):
            await other.execute(f"set transaction snapshot '{moment}'")
            for conn in (one, other):
                await conn.execute("set local app.tenants = '*'")
            yield one, other


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(dsn, server_settings=SERVER)
    try:
        yield conn
    finally:
        conn.terminate()


@asynccontextmanager
async def scratch_database(dsn: str, tables: Sequence[Table[Any]]) -> AsyncIterator[asyncpg.Connection]:
    """An empty database with the same migrations, whose `tables` are to be filled; it is dropped in any case."""
    name = f"{PREFIX}{uuid4().hex[:12]}"
    admin = await asyncpg.connect(dsn, server_settings=SERVER)
    try:
        conn = await _made(admin, dsn, name)
        try:
            # In one go: meanwhile this process projects, and takes notice of an answer only between two lots of events.
            await conn.execute(";\n".join(text for _, text in migrations()))
            # Foreign keys are proven by the comparison; checked here they would hide which row is wrong behind the first error.
            await conn.execute("set app.tenants = '*'; set synchronous_commit = off; set session_replication_role = replica")
            await conn.execute("; ".join(row["statement"] for row in await conn.fetch(_q.cheaper, [table.name for table in tables])))
            yield conn
        finally:
            conn.terminate()
    finally:
        await asyncio.shield(_drop(admin, name))


async def _made(admin: asyncpg.Connection, dsn: str, name: str) -> asyncpg.Connection:
    await admin.execute("select pg_advisory_lock($1)", SCRATCH_LOCK)
    try:
        for row in await admin.fetch(_q.databases_left, PREFIX):
            await admin.execute(f"drop database if exists {row['datname']}")
        await admin.execute(f"create database {name} strategy file_copy")  # a quarter of a second less than by way of the journal
        return await asyncpg.connect(dsn, database=name, server_settings=SERVER)
    finally:
        await admin.execute("select pg_advisory_unlock($1)", SCRATCH_LOCK)


async def _drop(admin: asyncpg.Connection, name: str) -> None:
    try:
        await admin.execute(f"drop database if exists {name} with (force)")
    finally:
        await admin.close()


__all__ = ["LogDamaged", "Report", "verify"]
