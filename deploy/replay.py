"""Replay with proof: the whole log into a scratch database, the chain checked on the way, every event table compared with the live one."""

import asyncio
import gc
import importlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log import GENESIS, LogDamaged, read
from consumers.log.event import chained
from consumers.runtime.domain import Domain
from consumers.runtime.replay import Projector, Recorded, Report, compare, hashes
from contracts.audit import DOMAINS
from sql.migrate import migrate

PREFIX = "flatrender_replay_"
SCRATCH_LOCK = 7_301_017  # held while scratch databases are swept and one is made
FETCH = 2000  # events at once
SERVER = {"timezone": "UTC", "application_name": "flatrender replay"}
T = TypeVar("T")
Columns = Any  # a sequence: a record of asyncpg or a tuple
_q, _log = sql.load("runtime"), sql.load("log")


def all_domains() -> list[Domain]:
    """Every domain's table of contents."""
    return [importlib.import_module(f"consumers.{name}").DOMAIN for name in DOMAINS]


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
        scratch_database(pg_admin_dsn) as scratch,
        _meanwhile(hashes(other, tables)) as ours,
    ):
        with _without_collector():
            chain, problems = await replay_into(scratch, reader, chosen, store=store)
        async with scratch.transaction():
            found = await compare((other, scratch), await ours, await hashes(scratch, tables), first=first)
    return Report(
        events=chain.events,
        unsequenced=chain.unsequenced,
        head=chain.position,
        tables=found,
        problems=(*chain.problems, *problems),
        seconds=time.monotonic() - began,
    )


async def replay_into(
    scratch: asyncpg.Connection, live: asyncpg.Connection, domains: Sequence[Domain], *, store: ObjectStore | None = None
) -> tuple["Chain", list[str]]:
    """Project the whole log and then what lies in outboxes; answers the chain as it was found, and what could not be applied."""
    chain = Chain()
    async with Projector(scratch, domains) as projector:
        async for records in recorded(live, store):
            chain.take(records)
            await projector.take([Recorded(*record[:12]) for record in records])
        for domain in DOMAINS:
            cursor = await live.cursor(_q.unsequenced.replace("{schema}", domain))
            while rows := await cursor.fetch(FETCH):
                chain.unsequenced += len(rows)
                await projector.take([Recorded(*row) for row in rows])
    return chain, projector.problems


async def recorded(live: asyncpg.Connection, store: ObjectStore | None) -> AsyncIterator[Sequence[Columns]]:
    """The log as columns in LogEvent's order: what lies in archives only, then the table."""
    oldest = await live.fetchval(_log.first)
    if oldest is not None and oldest > 1:
        async for events in read(live, until=oldest - 1, store=store):
            yield [msgspec.structs.astuple(event) for event in events]
    cursor = await live.cursor(_q.recorded)
    while rows := await cursor.fetch(FETCH):
        yield rows


class Chain:
    """Follows the hash chain; the first break is told, what comes after it cannot be judged."""

    def __init__(self) -> None:
        self.events = self.unsequenced = self.position = 0
        self._hash = GENESIS
        self.problems: list[str] = []

    def take(self, records: Sequence[Columns]) -> None:
        """Check the next events, given as columns in LogEvent's order."""
        self.events += len(records)
        for record in records:
            position, prev_hash, made = record[0], record[12], record[13]
            expected, self.position = self.position + 1, position
            if position != expected:
                self._break(f"position {expected} is missing from the log; {position} follows")
            elif prev_hash != self._hash or made != chained(prev_hash, position, record[1:12]):
                self._break(f"the chain is broken at position {position}: {record[2]} {record[1]} is not what was written")
            self._hash = made

    def _break(self, problem: str) -> None:
        if not self.problems:
            self.problems.append(problem)


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
async def scratch_database(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """An empty database with the same migrations; it is dropped in any case."""
    name = f"{PREFIX}{uuid4().hex[:12]}"
    admin = await asyncpg.connect(dsn, server_settings=SERVER)
    try:
        conn = await _made(admin, dsn, name)
        try:
            await migrate(conn)
            # Foreign keys are proven by the comparison; checked here they would hide which row is wrong behind the first error.
            await conn.execute("set app.tenants = '*'; set synchronous_commit = off; set session_replication_role = replica")
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
        await admin.execute(f"create database {name}")
        return await asyncpg.connect(dsn, database=name, server_settings=SERVER)
    finally:
        await admin.execute("select pg_advisory_unlock($1)", SCRATCH_LOCK)


async def _drop(admin: asyncpg.Connection, name: str) -> None:
    try:
        await admin.execute(f"drop database if exists {name} with (force)")
    finally:
        await admin.close()


__all__ = ["LogDamaged", "Report", "verify"]
