"""Archiving loses nothing wherever it is cut off, removes nothing that it has not read back, and keeps what the window needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore, StoreError
from consumers.log import Archiver, LogDamaged, LogEvent, read, verify_chain
from consumers.log.archive import drop_retired
from contracts.runs import read_run
from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.logs import archive, old_run, parts_of, write_events
from tests.support.password import PASSWORD

TENANTS = (UUID(int=1), UUID(int=2), UUID(int=1))


class Killed(BaseException):
    """The process is gone."""


class Log:
    """A log of three partitions of forty events, and what is behind them."""

    def __init__(self, db: asyncpg.Connection, dsn: str, store: ObjectStore, events: list[LogEvent]) -> None:
        self.db, self.dsn, self.store, self.events = db, dsn, store, events

    async def all(self) -> list[LogEvent]:
        return [event async for events in read(self.db, store=self.store) for event in events]

    async def partitions(self) -> list[str]:
        rows = await self.db.fetch("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'log.events'::regclass")
        return sorted((row["name"] for row in rows), key=lambda name: int(name.rpartition("_")[2]))

    async def first(self) -> int:
        return int(await self.db.fetchval("select first from log.head"))


@pytest_asyncio.fixture(loop_scope="session")
async def log(servers: Servers) -> AsyncIterator[Log]:
    """A log of the test's own."""
    async with (
        migrated(servers.pg_admin_dsn) as dsn,
        ObjectStore(servers.s3_url, "archiving", servers.s3_access_key, servers.s3_secret_key) as store,
    ):
        await store.ensure_bucket()
        db = await asyncpg.connect(dsn)
        await db.execute("set app.tenants = '*'")
        await parts_of(db, 40, 3)
        events = await write_events(db, 130, TENANTS)
        yield Log(db, servers.pg_dsn("log_app", PASSWORD, dsn.rpartition("/")[2]), store, events)
        await db.close()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_before_or_after_any_step_it_is_finished_by_the_next_and_nothing_is_lost(log: Log, before: bool) -> None:
    killed = 0
    while True:
        left = killed % 8
        with _dying(left, before=before):
            try:
                await archive(log.dsn, log.store, most=15, drop=False)
                break
            except Killed:
                killed += 1
        assert await log.all() == log.events, f"after step {left}"
        assert await verify_chain(log.db, store=log.store) is None
    assert killed >= 9
    assert await drop_retired(log.db, timedelta(0)) == [1, 41, 81]
    assert await log.all() == log.events
    assert len(await log.partitions()) == 1 and await log.first() == 121
    rows = await log.db.fetch("select first, last, object_key from log.archives order by first")
    assert [(row["first"], row["last"]) for row in rows] == [
        (1, 15),
        (16, 30),
        (31, 40),
        (41, 55),
        (56, 70),
        (71, 80),
        (81, 95),
        (96, 110),
        (111, 120),
    ]


def _dying(step: int, *, before: bool) -> Any:
    """Die at the given step: of what is done to the store and to the database."""
    left = [step]
    stack = ExitStack()
    for owner, name in ((ObjectStore, "put"), (ObjectStore, "get"), (ObjectStore, "sha256"), (Archiver, "_do")):
        stack.enter_context(patch.object(owner, name, _mortal(getattr(owner, name), left, before)))
    return stack


def _mortal(method: Any, left: list[int], before: bool) -> Any:
    async def step(*args: Any) -> Any:
        left[0] -= 1
        if before and left[0] == -1:
            raise Killed
        answer = await method(*args)
        if not before and left[0] == -1:
            raise Killed
        return answer

    return step


@pytest.mark.parametrize("fault", ["lost", "changed", "cut off"])
async def test_what_the_store_did_not_keep_is_not_removed(log: Log, fault: str) -> None:
    put = ObjectStore.put

    async def forget(self: ObjectStore, key: str, data: bytes, media_type: str = "") -> None:
        if fault != "lost":
            await put(self, key, data[:-1] if fault == "cut off" else bytes([*data[:40], data[40] ^ 1, *data[41:]]))

    with patch.object(ObjectStore, "put", forget), pytest.raises((LogDamaged, StoreError)):
        await archive(log.dsn, log.store)
    assert await log.first() == 1 and await log.db.fetchval("select count(*) from log.archives") == 0
    assert await archive(log.dsn, log.store) == [1, 41, 81]
    assert await log.all() == log.events


async def test_what_rots_before_its_partition_goes_keeps_it_in_the_table(log: Log) -> None:
    with _dying(2, before=False), pytest.raises(Killed):  # the first run is written down
        await archive(log.dsn, log.store, most=15)
    key = await log.db.fetchval("select object_key from log.archives")
    await log.store.put(key, b"rotten")
    with pytest.raises(LogDamaged, match="not in object storage"):
        await archive(log.dsn, log.store, most=15)
    assert await log.first() == 1 and len(await log.partitions()) == 4


@pytest.mark.parametrize(
    "change",
    [
        "update log.events set body = '{}' where position = 17",
        "update log.events set hash = prev_hash where position = 40",
        "delete from log.events where position = 33",
        "delete from log.events where position = 1",
    ],
)
async def test_a_broken_chain_is_never_archived(log: Log, change: str) -> None:
    await log.db.execute(change)
    with pytest.raises(LogDamaged):
        await archive(log.dsn, log.store, most=15)
    assert await log.first() == 1 and len(await log.partitions()) == 4


async def test_the_chain_is_whole_from_run_to_run(log: Log) -> None:
    assert await archive(log.dsn, log.store, parts=1) == [1]
    await log.db.execute("update log.archives set hash = repeat('1', 64)")
    with pytest.raises(LogDamaged, match="41"):
        await archive(log.dsn, log.store)


async def test_only_what_is_old_published_and_behind_the_window_is_archived(log: Log) -> None:
    reading = await asyncpg.connect(log.dsn)
    await reading.execute("set app.tenants = '*'; update log.parts set moments = '{}', others = true")
    archiver = Archiver(reading, None, log.store)  # type: ignore[arg-type]
    later = datetime.now(UTC) + timedelta(days=1)
    assert await archiver.archive(later) is None, "within the thousand events of the window"
    archiver.window = 0
    assert await archiver.archive(datetime.now(UTC) - timedelta(days=1)) is None, "too young"
    await log.db.execute("update log.head set published = 39")
    assert await archiver.archive(later) is None, "not published"
    for statement in ("select log.retire(1)", "select log.keep_run(1, 40, 'k', 's', 1, 'p', 'h', '{}', '[]')"):
        with pytest.raises(asyncpg.CheckViolationError):
            await reading.execute(statement)
    await reading.close()


async def test_nothing_is_dropped_while_a_transaction_may_still_read_it(log: Log) -> None:
    reader = await asyncpg.connect(log.dsn)
    await reader.execute("set app.tenants = '*'")
    async with reader.transaction(isolation="repeatable_read", readonly=True):
        assert await reader.fetchval("select first from log.head") == 1
        assert await archive(log.dsn, log.store, drop=False) == [1, 41, 81]
        assert await drop_retired(log.db, timedelta(0)) == []
        assert await reader.fetchval("select count(*) from log.events where position >= 1") == 130
    assert await drop_retired(log.db, timedelta(minutes=1)) == []
    assert await drop_retired(log.db, timedelta(0)) == [1, 41, 81]
    await reader.close()


async def test_runs_of_an_earlier_release_are_written_anew_by_tenant_and_nothing_changes_for_readers(log: Log) -> None:
    await old_run(log.db, log.store, 25)
    await log.db.execute("update log.head set first = 26")
    assert await log.all() == log.events
    assert await archive(log.dsn, log.store, most=15) == [1, 41, 81]
    assert await log.all() == log.events
    assert await log.db.fetchval("select count(*) from log.archives where format = 1 or ids is null") == 0
    assert await log.db.fetchval("select sum(count) from log.ranges") == 120


async def test_a_run_has_each_tenants_events_in_pieces_of_their_own(log: Log) -> None:
    await archive(log.dsn, log.store)
    run = await log.db.fetchrow("select * from log.archives where first = 1")
    data = await log.store.get(run["object_key"], 10**9)
    assert read_run(LogEvent, data, run["sha256"]) == log.events[:40]
    pieces = await log.db.fetch('select * from log.ranges where run = 1 order by "offset"')
    assert sum(piece["bytes"] for piece in pieces) == len(data) == run["bytes"]
    for piece in pieces:
        part = await log.store.get_range(run["object_key"], piece["offset"], piece["bytes"])
        assert read_run(LogEvent, part, piece["sha256"]) == [event for event in log.events[:40] if event.tenant_id == piece["tenant_id"]]


async def test_partitions_never_run_out_and_are_reached_through_the_table_alone(log: Log) -> None:
    for _ in range(5):
        assert await log.db.fetchval("select max(last) from log.parts") == await log.db.fetchval("select log.make_part(10)") - 10
    rows = await log.db.fetch(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as guarded, pg_get_userbyid(c.relowner) as owner, "
        "has_table_privilege('log_app', c.oid, 'select, insert, update, delete') as reached, "
        "(select count(*) from pg_policy where polrelid = c.oid) as policies, obj_description(c.oid, 'pg_class') as about, "
        "(select count(*) from pg_index where indrelid = c.oid and indisunique) as unique "
        "from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'log.events'::regclass"
    )
    assert len(rows) == 9
    for row in rows:
        assert (row["guarded"], row["owner"], row["reached"], row["policies"], row["unique"]) == (True, "log_owner", False, 1, 2), row
        assert row["about"].startswith("log: ")


async def test_who_reads_meanwhile_hears_everything_once(log: Log) -> None:
    done = asyncio.Event()

    async def keep_reading() -> int:
        conn, times = await asyncpg.connect(log.dsn), 0
        await conn.execute("set app.tenants = '*'")
        while not done.is_set() or times == 0:
            assert [event.position async for events in read(conn, store=log.store) for event in events] == list(range(1, 131))
            times += 1
        await conn.close()
        return times

    reading = asyncio.create_task(keep_reading())
    try:
        assert await archive(log.dsn, log.store, most=3, drop=False) == [1, 41, 81]
        while len(await log.partitions()) > 1:
            await drop_retired(log.db, timedelta(0))
            await asyncio.sleep(0.01)
    finally:
        done.set()
    assert await reading
