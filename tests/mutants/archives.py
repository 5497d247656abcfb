"""The promises about the log's partitions and archives as checks, and the changes that break them."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg

from adapters.object_store import ObjectStore, StoreError
from consumers.log import Archiver, LogDamaged
from consumers.log.append import Appender
from consumers.log.archive import drop_retired
from consumers.runtime import history
from consumers.runtime.history import History
from contracts.ids import derived_id
from deploy import replay
from tests.mutants.checks import hold
from tests.support.in_process import InProcessDomains
from tests.support.logs import TYPES, archive, parts_of, write_events
from tests.support.password import PASSWORD

TENANTS = (UUID(int=1), UUID(int=2))
REPEAT = """
    insert into studio.outbox (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
    values ($1, 'evt.render.job.started.v1', $1, now(), 'key:1', $1, $1, 'jobs/1', 1, '', '{"other":1}')"""


async def _log(in_process: InProcessDomains) -> None:
    """Two full partitions and one that is appended to."""
    await in_process.admin.execute("set app.tenants = '*'")
    await parts_of(in_process.admin, 20, 2)
    await write_events(in_process.admin, 50, TENANTS)


async def a_repeated_id_is_known_wherever_its_event_lies(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """Of two facts under one id the second waits, be the first in another partition or in an archive, and whatever kind the id is of."""
    await _log(in_process)
    event, odd = await in_process.admin.fetchval("select event_id from log.events where position = 4"), derived_id(UUID(int=7), "event 0")
    await in_process.admin.execute("update log.events set event_id = $1 where position = 25", odd)
    for id, archived in ((event, 0), (odd, 0), (event, 1)):
        await archive(dsn, store, parts=archived)
        await in_process._appender.load()
        await in_process.admin.execute(REPEAT, id)
        await in_process.sequence()
        waiting = await in_process.admin.fetchval("select count(*) from studio.outbox where event_id = $1", id)
        hold(waiting == 1, f"the second of two facts under the id {id} is in the log")
        await in_process.admin.execute("delete from studio.outbox; delete from log.alarms")


async def nothing_leaves_the_table_that_is_not_kept(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """What object storage lost or changed stays in the table."""
    await _log(in_process)
    put = ObjectStore.put

    async def lose(self: ObjectStore, key: str, data: bytes, media_type: str = "") -> None:
        await put(self, key, data[:-1])

    with patch.object(ObjectStore, "put", lose), suppress(LogDamaged, StoreError):
        await archive(dsn, store, drop=False)
    hold(await in_process.admin.fetchval("select first from log.head") == 1, "a partition was given up that no archive holds")


async def a_broken_chain_is_not_archived(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """What somebody changed in the table is told, and stays there to be looked at."""
    await _log(in_process)
    await in_process.admin.execute("update log.events set actor = 'somebody' where position = 12")
    with suppress(LogDamaged):
        await archive(dsn, store, drop=False)
    hold(await in_process.admin.fetchval("select first from log.head") == 1, "a log that somebody changed was archived as if it were whole")


async def who_reads_keeps_its_partitions(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """A transaction that began before a partition was retired finds all of it in the table."""
    await _log(in_process)
    reader = await asyncpg.connect(dsn)
    await reader.execute("set app.tenants = '*'")
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        first = await reader.fetchval("select first from log.head")
        await archive(dsn, store, drop=False)
        await drop_retired(in_process.admin, timedelta(0))
        count = await reader.fetchval("select count(*) from log.events where position >= $1", first)
    await reader.close()
    hold(count == 50, f"of 50 events that the head said are in the table, {count} were found there")


async def the_log_is_read_from_its_first_event_on(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """Replay and a domain's history begin in the archives."""
    await _log(in_process)
    await archive(dsn, store, parts=1)
    async with in_process.admin.transaction():
        positions = [record[0] async for records in replay.recorded(in_process.admin, store) for record in records]
    hold(positions == list(range(1, 51)), f"a replay read {len(positions)} of 50 events")
    async with asyncpg.create_pool(in_process.dsn, user="studio_app", password=PASSWORD, min_size=1, max_size=1) as pool:
        learned, after = 0, 0
        reading = History(pool, store)
        while after < 50:
            page = await reading.read(after, 50, TYPES)
            learned, after = learned + len(page.events), page.reached
    hold(learned == 50, f"a domain read {learned} of 50 events")


async def a_tenant_is_told_of_its_own_pieces_alone(in_process: InProcessDomains, store: ObjectStore, dsn: str) -> None:
    """Where another tenant's events lie in an archive cannot be asked."""
    await _log(in_process)
    await archive(dsn, store)
    edge = await asyncpg.connect(in_process.dsn, user="edge_ro", password=PASSWORD)
    await edge.execute(f"set app.tenants = '{TENANTS[0]}'")
    told = {row["tenant_id"] for row in await edge.fetch("select tenant_id from read.log_ranges")}
    await edge.close()
    hold(told == {TENANTS[0]}, f"{TENANTS[0]} is told of the pieces of {told}")


async def _nothing(*_: Any, **__: Any) -> None:
    return None


def ids_are_unique_in_their_partition_alone(in_process: InProcessDomains) -> Any:
    """Nobody looks into the other partitions."""
    return patch.object(Appender, "_refuse_repeated", _nothing)


def every_id_bears_a_moment(in_process: InProcessDomains) -> Any:
    """An id of an earlier release is taken for one of a later moment."""
    suspects = Appender._suspects
    return patch.object(Appender, "_suspects", lambda self, ids: [id for id in suspects(self, ids) if id[14] == "8"])


def what_was_stored_is_believed_to_be_kept(in_process: InProcessDomains) -> Any:
    """Nothing is read back before the table gives it up."""
    stack = ExitStack()
    for name in ("_read_back", "_find_again"):
        stack.enter_context(patch.object(Archiver, name, _nothing))
    return stack


def what_is_archived_is_not_checked(in_process: InProcessDomains) -> Any:
    """Hashes are copied, not computed."""
    return patch("consumers.log.archive._check", lambda *_: None)


@asynccontextmanager
async def partitions_go_at_once(in_process: InProcessDomains) -> AsyncIterator[None]:
    """Who reads is not asked. (The lock that a reader has on the table is only had from its first look at it on.)"""
    text = await in_process.admin.fetchval("select pg_get_functiondef('log.drop_retired'::regproc)")
    await in_process.admin.execute(text.replace("a.xact_start < p.retired_at + wait", "false"))
    yield


def replay_reads_the_table_alone(in_process: InProcessDomains) -> Any:
    """A replay begins where the table begins."""

    async def none(*_: Any) -> AsyncIterator[list[Any]]:
        for nothing in ():
            yield nothing

    return patch.object(replay, "_archived", none)


def domains_read_the_table_alone(in_process: InProcessDomains) -> Any:
    """A domain's history begins where the table begins."""
    return patch.object(history._q, "archived_run", "select first, last, object_key, sha256 from platform.log_runs($1) limit 0")


@asynccontextmanager
async def ranges_without_row_security(in_process: InProcessDomains) -> AsyncIterator[None]:
    """A migration forgot a table."""
    await in_process.admin.execute("alter table log.ranges disable row level security")
    yield
