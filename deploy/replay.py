"""Replay with proof: the whole log into a scratch database, the chain checked on the way, every event table compared with the live one."""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

import sql
from adapters.object_store import ObjectStore
from consumers.log import GENESIS, LogDamaged, LogEvent, read
from consumers.runtime.domain import Domain
from consumers.runtime.replay import Projector, Report, compare
from contracts.audit import DOMAINS
from sql.migrate import migrate

PREFIX = "flatrender_replay_"
SCRATCH_LOCK = 7_301_017  # held while scratch databases are swept and one is made
FETCH = 2000  # outbox rows at once
SERVER = {"timezone": "UTC", "application_name": "flatrender replay"}
_q = sql.load("runtime")


def all_domains() -> list[Domain]:
    """Every domain's table of contents."""
    return [importlib.import_module(f"consumers.{name}").DOMAIN for name in DOMAINS]


async def verify(
    pg_admin_dsn: str, domains: Sequence[Domain] | None = None, *, store: ObjectStore | None = None, first: int = 20
) -> Report:
    """Replay the database of this address and compare; nothing in it is changed, no effect and no timer fires.

    The role must be a superuser, or may create databases and read everything. `store` is needed where the log begins in archives; `first`
    differences of a table are told in detail. Raises LogDamaged for an archive that cannot be read, and asyncpg's errors.
    """
    began = time.monotonic()
    chosen = all_domains() if domains is None else domains
    async with _live(pg_admin_dsn) as live, _scratch(pg_admin_dsn) as scratch:
        chain, unsequenced = Chain(), 0
        async with Projector(scratch, chosen) as projector:
            async for events in read(live, store=store):
                chain.take(events)
                await projector.take(events)
            async for events in _outboxes(live):
                unsequenced += len(events)
                await projector.take(events)
        async with scratch.transaction():
            tables = await compare(live, scratch, [table for domain in chosen for table in domain.tables], first=first)
    return Report(
        events=chain.events,
        unsequenced=unsequenced,
        head=chain.position,
        tables=tables,
        problems=(*chain.problems, *projector.problems),
        seconds=time.monotonic() - began,
    )


class Chain:
    """Follows the hash chain; the first break is told, what comes after it cannot be judged."""

    def __init__(self) -> None:
        self.events = self.position = 0
        self._hash = GENESIS
        self.problems: list[str] = []

    def take(self, events: Sequence[LogEvent]) -> None:
        """Check the next events."""
        self.events += len(events)
        for event in events:
            expected, self.position = self.position + 1, event.position
            if event.position != expected:
                self._break(f"position {expected} is missing from the log; {event.position} follows")
            elif event.prev_hash != self._hash or event.hash != event.expected_hash:
                self._break(f"the chain is broken at position {event.position}: {event.type} {event.event_id} is not what was written")
            self._hash = event.hash

    def _break(self, problem: str) -> None:
        if not self.problems:
            self.problems.append(problem)


@asynccontextmanager
async def _live(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One snapshot of the live database, over all tenants."""
    conn = await asyncpg.connect(dsn, server_settings=SERVER)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            await conn.execute("set local app.tenants = '*'")
            yield conn
    finally:
        await asyncio.shield(conn.close())


@asynccontextmanager
async def _scratch(dsn: str) -> AsyncIterator[asyncpg.Connection]:
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


async def _outboxes(live: asyncpg.Connection) -> AsyncIterator[list[LogEvent]]:
    """What the sequencer has not taken yet, domain by domain in the order of writing."""
    for domain in DOMAINS:
        cursor = await live.cursor(_q.unsequenced.replace("{schema}", domain))
        while rows := await cursor.fetch(FETCH):
            yield [LogEvent(position=0, prev_hash="", hash="", **dict(row)) for row in rows]


__all__ = ["LogDamaged", "Report", "verify"]
