"""What is over goes, of every domain, a little at a time, and what must stay stays; over a real database with a clock that is moved."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from consumers.render import DOMAIN as RENDER
from consumers.runtime import retention as rules
from consumers.runtime.leading import Leading
from consumers.runtime.retention import CHUNK, PAUSE, Retention
from consumers.runtime.retention_rules import RUNTIME, Swept
from contracts.domains import DOMAINS
from deploy import gauges
from deploy.domains import domain_named
from deploy.metrics import Metrics
from tests.support.leading import leads, pool_of, standing_by
from tests.support.password import PASSWORD
from tests.support.timing import Clock

MAY = datetime(2031, 5, 17, 12, tzinfo=UTC)
OVER, FRESH = MAY - timedelta(days=30, seconds=1), MAY - timedelta(days=30) + timedelta(seconds=1)
TABLE = "render.node_health_logs"
ROWS = """
    insert into {}.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, decided_at)
    select $1, gen_random_uuid(), 't', '', '', $2, '{{}}', null, null, '', $3 from generate_series(1, $4)
"""


async def keep(admin: asyncpg.Connection, domain: str, state: str, decided_at: datetime, count: int = 1) -> None:
    await admin.execute(ROWS.format(domain), uuid4(), state, decided_at, count)


async def states(admin: asyncpg.Connection, domain: str) -> list[tuple[str, datetime]]:
    return [tuple(row) for row in await admin.fetch(f"select state, decided_at from {domain}.inbox order by state, decided_at")]


def retention(dsn: str, domain: str, leading: Leading, **changes: Any) -> Retention:
    return Retention(domain_named(domain), pool_of(dsn, domain), leading, **{"months": 3, "clock": Clock(MAY), **changes})


@pytest.mark.parametrize("domain", DOMAINS)
async def test_every_domains_old_operations_go_and_what_waits_for_a_person_or_is_young_stays(
    dsn: str, admin: asyncpg.Connection, domain: str
) -> None:
    for state in ("done", "refused", "quarantined", "reopened"):
        for moment in (OVER, FRESH):
            await keep(admin, domain, state, moment)
    async with leads(dsn, domain) as leading:
        assert (await retention(dsn, domain, leading).round())["inbox"] == 2
    stay = [("done", FRESH), *(("quarantined", moment) for moment in (OVER, FRESH)), ("refused", FRESH)]
    assert await states(admin, domain) == sorted([*stay, *(("reopened", moment) for moment in (OVER, FRESH))])


async def test_many_rows_go_in_bounded_chunks_with_pauses_in_proportion(dsn: str, admin: asyncpg.Connection) -> None:
    await keep(admin, "content", "done", OVER, 2 * CHUNK + 7)
    pauses: list[float] = []
    left: list[int] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        # Between two chunks nothing is locked: a batch can write.
        await admin.execute("set lock_timeout = '1s'; lock table content.inbox in exclusive mode nowait")
        left.append(await admin.fetchval("select count(*) from content.inbox"))

    async with leads(dsn, "content") as leading:
        one = retention(dsn, "content", leading, pause=pause)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await one.round())["inbox"] == 2 * CHUNK + 7
        took = loop.time() - began
    assert left == [CHUNK + 7, 7]
    assert 0 < sum(pauses) <= PAUSE * took, "each pause is four times what its chunk took"


async def test_a_sweep_finds_its_rows_by_an_index_however_many_wait_for_a_person(dsn: str, admin: asyncpg.Connection) -> None:
    await keep(admin, "studio", "quarantined", OVER, 500)
    await admin.execute("analyze studio.inbox; set enable_seqscan = off")
    rule = next(rule for rule in RUNTIME if isinstance(rule, Swept) and rule.table == "inbox")
    found = f"select ctid from studio.inbox where {rule.column} < now() and {rule.goes} order by {rule.column} limit 1000"
    plan = "\n".join(row[0] for row in await admin.fetch(f"explain (analyze, costs off, timing off) {found}"))
    assert "inbox_decided" in plan and "Sort" not in plan and "Rows Removed" not in plan, plan


async def test_effects_go_thirty_days_after_their_end_once_it_was_told(dsn: str, admin: asyncpg.Connection) -> None:
    row = """
        insert into content.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error, state, ended, owing, updated_at)
        values (gen_random_uuid(), gen_random_uuid(), 'k', '{}', '{}', 1, now(), '', $1, $2, $3, $4)
    """
    for state, ended, owing, at in (
        ("done", "done", False, OVER),
        ("done", "given_up", False, OVER),
        ("exhausted", "exhausted", False, OVER),
        ("done", "done", False, FRESH),
        ("done", "done", True, OVER),
        ("unknown", "unknown", False, OVER),
        ("due", "", False, OVER),
    ):
        await admin.execute(row, state, ended, owing, at)
    async with leads(dsn, "content") as leading:
        assert (await retention(dsn, "content", leading).round())["effects"] == 2
    left = [row[0] for row in await admin.fetch("select state from content.effects order by state")]
    assert left == ["done", "done", "due", "exhausted", "unknown"]


async def test_a_process_that_was_replaced_or_stands_by_removes_nothing(dsn: str, admin: asyncpg.Connection) -> None:
    await keep(admin, "identity", "done", OVER)
    assert (await retention(dsn, "identity", standing_by(dsn, "identity")).round())["inbox"] == 0
    async with leads(dsn, "identity") as leading:
        await admin.execute("update identity.leader set lease = lease + 1")  # what another process does that leads
        assert (await retention(dsn, "identity", leading).round())["inbox"] == 0
    assert len(await states(admin, "identity")) == 1


async def test_a_failure_is_logged_and_the_sweeping_goes_on(
    dsn: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rules, "EVERY", 0.02)
    await keep(admin, "identity", "done", OVER)
    await admin.execute("revoke delete on identity.inbox from identity_app")
    async with leads(dsn, "identity") as leading:
        with caplog.at_level(logging.WARNING):
            running = asyncio.create_task(retention(dsn, "identity", leading).run())
            while "permission denied" not in caplog.text:
                await asyncio.sleep(0.02)
        await admin.execute("grant delete on identity.inbox to identity_app")
        while await states(admin, "identity"):
            await asyncio.sleep(0.02)
        assert not running.done()
        running.cancel()


async def test_the_age_of_the_oldest_row_is_shown_for_each_table_that_goes_by_its_age_or_waits(dsn: str, admin: asyncpg.Connection) -> None:
    await keep(admin, "render", "done", MAY - timedelta(hours=2))
    await keep(admin, "render", "quarantined", OVER)
    async with leads(dsn, "render") as leading:
        one = retention(dsn, "render", leading)
        await one.make_room()
        ages = await one.oldest()
        assert ages["render.inbox"] == 7200.0 and ages["render.outbox"] == ages["render.timers"] == 0.0
        assert ages[TABLE] == (MAY - datetime(2031, 5, 1, tzinfo=UTC)).total_seconds()
        metrics = Metrics()
        metrics.asks(gauges.tables(one))
        text = await metrics.text()
        assert 'flatrender_oldest_row_seconds{table="render.inbox"} 7200\n' in text
    assert await one.oldest() == {}, "only the leader tells"


async def test_metrics_are_shown_on_their_port_and_without_one_nowhere() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metrics = Metrics()
    url = f"http://127.0.0.1:{port}/metrics"
    async with metrics.shown("127.0.0.1", port), aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200 and "# TYPE flatrender_oldest_row_seconds gauge" in await answer.text()
    async with metrics.shown("127.0.0.1", 0):
        pass


# Partitions


@pytest_asyncio.fixture(loop_scope="session")
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(dsn, user="render_app", password=PASSWORD, min_size=1, max_size=2) as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def leading(dsn: str) -> AsyncIterator[Leading]:
    async with leads(dsn, "render") as leading:
        yield leading


@pytest.fixture
def clock() -> Clock:
    return Clock(MAY)


async def partitions(admin: asyncpg.Connection) -> list[str]:
    rows = await admin.fetch("select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1", TABLE)
    return [row["name"].removeprefix(f"{TABLE}_") for row in rows]


async def test_this_months_partition_and_the_next_are_made(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    one = Retention(RENDER, pool, leading, months=3, clock=clock)
    assert await one.make_room() == ["made node_health_logs_2031_05", "made node_health_logs_2031_06"]
    assert await one.make_room() == []
    assert await partitions(admin) == ["2031_05", "2031_06"]


async def test_with_the_clock_moved_on_by_a_month_the_next_partition_appears_and_old_ones_go(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock
) -> None:
    one = Retention(RENDER, pool, leading, months=3, clock=clock)
    for _ in range(6):
        await one.make_room()
        clock.now += timedelta(days=31)
    assert await partitions(admin) == ["2031_07", "2031_08", "2031_09", "2031_10", "2031_11"]


async def test_the_service_keeps_the_partitions_by_itself_from_its_start(
    pool: asyncpg.Pool, leading: Leading, admin: asyncpg.Connection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "EVERY", 0.02)
    running = asyncio.create_task(Retention(RENDER, pool, leading, months=3, clock=clock).run())
    try:
        await until(admin, ["2031_05", "2031_06"])
        clock.now += timedelta(days=31)
        await until(admin, ["2031_05", "2031_06", "2031_07"])
    finally:
        running.cancel()


async def until(admin: asyncpg.Connection, wanted: list[str]) -> None:
    while await partitions(admin) != wanted:
        await asyncio.sleep(0.02)


def test_every_table_has_one_rule() -> None:
    for name in DOMAINS:
        tables = [rule.table for rule in rules.rules_of(domain_named(name))]
        assert len(tables) == len(set(tables))
