"""Nodes' health, a row for each node, on a real PostgreSQL and with a clock that the tests move."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from consumers.render import DOMAIN
from consumers.render.nodes.health import Health
from consumers.runtime.leading import Leading
from consumers.runtime.retention import Retention
from contracts.message import PLATFORM
from contracts.node import Heartbeat
from tests.support.leading import leads, standing_by
from tests.support.password import PASSWORD

TABLE = "render.node_health_logs"
MAY = datetime(2031, 5, 17, 12, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = MAY

    def __call__(self) -> datetime:
        return self.now


@pytest_asyncio.fixture(loop_scope="session")
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(dsn, user="render_app", password=PASSWORD, min_size=1, max_size=2) as pool:
        yield pool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(loop_scope="session")
async def leading(dsn: str) -> AsyncIterator[Leading]:
    async with leads(dsn, "render") as leading:
        yield leading


def service(pool: asyncpg.Pool, clock: Clock, leading: Leading, **changes: Any) -> Health:
    return Health(pool, leading, partitions_of(pool, clock, leading), **{"every": 10.0, "clock": clock, **changes})


def partitions_of(pool: asyncpg.Pool, clock: Clock, leading: Leading) -> Callable[[], Awaitable[list[str]]]:
    """What sees to the partitions."""
    return Retention(DOMAIN, pool, leading, months=3, clock=clock).make_room


def beat(**changes: Any) -> Heartbeat:
    return Heartbeat(**{"name": "n", "epoch": 0, "parts": (uuid4(),), "cpu": 0.5, "memory": 9, "disk_free": 8, "load": 1.5, **changes})


async def partitions(admin: asyncpg.Connection) -> list[str]:
    rows = await admin.fetch("select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1", TABLE)
    return [row["name"].removeprefix(f"{TABLE}_") for row in rows]


async def rows(admin: asyncpg.Connection) -> list[asyncpg.Record]:
    return await admin.fetch(f"select *, tableoid::regclass::text as partition from {TABLE} order by at, node_id")


async def test_heartbeats_around_the_months_border_are_stored_each_in_its_month(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health = service(pool, clock, leading)
    await partitions_of(pool, clock, leading)()
    border = datetime(2031, 6, 1, tzinfo=UTC)
    for clock.now in (border - timedelta(microseconds=1), border, border + timedelta(seconds=1)):
        health.heard(uuid4(), beat())
    assert await health.write() == 3
    assert [row["partition"][-7:] for row in await rows(admin)] == ["2031_05", "2031_06", "2031_06"]


async def test_a_heartbeat_whose_month_has_no_partition_yet_makes_it(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health = service(pool, clock, leading)
    await partitions_of(pool, clock, leading)()
    clock.now = datetime(2031, 9, 30, 23, 59, 59, tzinfo=UTC)
    health.heard(uuid4(), beat())
    assert await health.write() == 1
    assert "2031_09" in await partitions(admin)


async def test_a_node_has_one_row_for_each_writing_with_its_last_word(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health, node = service(pool, clock, leading), uuid4()
    await partitions_of(pool, clock, leading)()
    for cpu in (0.1, 0.2, 0.75):
        clock.now += timedelta(seconds=1)
        health.heard(node, beat(cpu=cpu))
    health.heard(other := uuid4(), beat())
    assert (await health.write(), await health.write()) == (2, 0)
    found = {row["node_id"]: row for row in await rows(admin)}
    assert set(found) == {node, other}
    row = found[node]
    assert (row["cpu"], row["memory"], row["disk_free"], row["load"], row["parts"], row["at"]) == (0.75, 9, 8, 1.5, 1, clock.now)
    assert row["tenant_id"] == PLATFORM


async def test_a_node_that_lies_about_itself_costs_no_other_its_row(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health = service(pool, clock, leading)
    await partitions_of(pool, clock, leading)()
    health.heard(uuid4(), beat(cpu=-3.0, memory=2**70, disk_free=-(2**70), load=1e300))
    health.heard(uuid4(), beat(cpu=1e9))
    assert await health.write() == 2
    assert {row["cpu"] for row in await rows(admin)} == {0.0, 1.0}


async def test_a_process_that_does_not_lead_writes_nothing(dsn: str, pool: asyncpg.Pool, clock: Clock) -> None:
    health = service(pool, clock, standby := standing_by(dsn, "render"))
    assert await partitions_of(pool, clock, standby)() == []
    health.heard(uuid4(), beat())
    assert await health.write() == 0


async def test_what_a_leader_heard_that_is_none_any_more_is_not_stored(
    dsn: str, pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health = service(pool, clock, leading)
    await partitions_of(pool, clock, leading)()
    health.heard(uuid4(), beat())
    await admin.execute("update render.leader set lease = lease + 1")  # another process leads; this one, just woken, does not know yet
    clock.now += timedelta(days=365)
    assert await partitions_of(pool, clock, leading)() == []
    clock.now -= timedelta(days=365)
    await health.write()
    assert await rows(admin) == []


async def test_a_failure_is_logged_and_the_service_goes_on(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await admin.execute("alter function platform.keep_months rename to gone")
    clock.now = datetime(2034, 1, 1, tzinfo=UTC)  # a month without a partition
    health = service(pool, clock, leading, every=0.02)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(health.run())
        health.heard(uuid4(), beat())
        async with asyncio.timeout(10):
            while "keep_months" not in caplog.text:
                await asyncio.sleep(0.02)
    assert not running.done()
    await admin.execute("alter function platform.gone rename to keep_months")
    health.heard(uuid4(), beat())
    async with asyncio.timeout(10):
        while not await rows(admin):
            await asyncio.sleep(0.02)
    running.cancel()


async def test_only_a_role_that_may_write_telemetry_can_have_its_months_kept(
    dsn: str, pool: asyncpg.Pool, admin: asyncpg.Connection, clock: Clock
) -> None:
    async with pool.acquire() as conn:
        for table in ("render.render_nodes", "render.inbox"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetchval("select platform.keep_months($1::text::regclass, 1, 3, $2)", table, clock.now)
    edge = await asyncpg.connect(dsn, user="edge_ro", password=PASSWORD)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await edge.fetchval("select platform.keep_months($1::text::regclass, 1, 3, $2)", "pg_class", clock.now)
    await edge.close()


async def test_no_role_reaches_a_partition_past_its_table_and_the_edge_sees_the_platforms_rows_only_when_it_serves_it(
    dsn: str, pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    health = service(pool, clock, leading)
    await partitions_of(pool, clock, leading)()
    health.heard(uuid4(), beat())
    await health.write()
    partition = f"{TABLE}_2031_05"
    for role in ("render_app", "edge_ro", "read_owner", "identity_app"):
        assert not await admin.fetchval("select has_table_privilege($1, $2, 'select, insert, update, delete')", role, partition)
    edge = await asyncpg.connect(dsn, user="edge_ro", password=PASSWORD)
    for serving, seen in ((UUID(int=1), 0), (PLATFORM, 1)):
        await edge.execute(f"set app.tenants = '{serving}'")
        assert len(await edge.fetch("select * from read.node_health")) == seen
    await edge.close()
