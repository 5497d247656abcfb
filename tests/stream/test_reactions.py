"""Reactions over real servers: each begins where it says, catches up from history, and joins the feed without a gap or a repeat."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

import pytest
import pytest_asyncio
from msgspec.structs import replace

from adapters.nats import Connection, api
from consumers.runtime import catching_up, listening
from consumers.runtime.reactions import Reaction
from contracts.catalogue import command_stream
from contracts.identity.tenants import TenantLimitsChanged
from contracts.render.inspections import RequestInspection
from deploy.domains import all_domains
from deploy.local.servers import Servers
from deploy.replay import verify
from tests.stream.reacting import ACTING, COUNTING, PLACE, SKIPPING, SLOTS, Past, announced, counted, domain, stored
from tests.stream.support import Login
from tests.support.databases import migrated

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
INSPECTED = "select count(*) from render.inspections where name = $1"
LEFT = "select " + " + ".join(f"(select count(*) from render.{table})" for table in ("inbox", "outbox", "effects", "timers"))
GONE = "select count(*) from pg_stat_activity where usename = 'render_app' and datname = current_database()"
HEAL = "update log.events set body = replace(body, '\"max_slots\":0', '\"max_slots\":1') where position = $1"
COMMAND = RequestInspection(file_id=UUID("11111111-1111-4111-8111-111111111111"), name="asked", bytes=1, object_key="k")


@pytest_asyncio.fixture(loop_scope="session")
async def past(servers: Servers, login: Login, admin: Connection, log_admin: Connection) -> AsyncIterator[Past]:
    async with migrated(servers.pg_admin_dsn) as dsn, Past(dsn, login, log_admin).running() as log:
        yield log


def mixed(many: int) -> list:
    """So many of each."""
    return [make() for _ in range(many) for make in (counted, stored, announced)]


async def test_a_domain_added_to_a_log_learns_it_before_it_takes_commands(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "PAGE", 10)
    monkeypatch.setattr(catching_up, "FIRST", 0.2)
    broken = counted(0)
    head = await past.tell([*(counted() for _ in range(40)), broken, *(counted() for _ in range(40))])
    asked = await past.send(COMMAND)
    async with past.leading(domain(COUNTING)) as runtime:
        await past.until(PLACE, lambda at: at == 40, "counting")
        while not runtime.listening._behind.groups[0].delay:
            await asyncio.sleep(0.01)
        assert await past.db.fetchval(SLOTS) == 40, "the fold stays before what it cannot learn"
        assert await past.decided(asked) is None and not runtime.waits, "the command waits in its stream, and no edge is told to refuse"
        assert (await api(await past.login("admin"), f"STREAM.INFO.{command_stream('render')}"))["state"]["messages"] == 1
        assert await past.db.fetchval(LEFT) == 0
        await past.db.execute(HEAL, 41)
        await past.until("select count(*) from render.inbox where id = $1 and state = 'done'", bool, asked)
        assert await past.db.fetchval(SLOTS) == 81 and await past.at("counting") == head
        live = await past.tell([counted()])
        await past.until_at("counting", live)
    assert await past.db.fetchval(SLOTS) == 82
    assert await past.db.fetchval("select count(*) from render.inbox") == 1, "a fold leaves no inbox row"


async def test_a_reaction_of_each_kind_added_to_an_old_domain_begins_where_it_says(past: Past) -> None:
    head = await past.tell(mixed(30))
    async with past.leading(domain(ACTING)):
        await past.until_at("acting", head - 1)
        await past.until(INSPECTED, lambda found: found == 30, "stored")
    head = await past.tell(mixed(20))
    late = replace(ACTING, name="acting_too", make=lambda event, envelope: [replace(COMMAND, file_id=event.upload_id)])
    async with past.leading(domain(ACTING, late, COUNTING, SKIPPING)):
        await past.until(INSPECTED, lambda found: found == 50, "stored")
        await past.until(INSPECTED, lambda found: found == 50, "asked")
        await past.until(SLOTS, lambda found: found == 50)
        assert await past.db.fetchval(INSPECTED, "announced") == 0, "what was is nothing to a reaction that skips"
        await past.tell(mixed(10))
        await past.until(INSPECTED, lambda found: found == 60, "stored")
        await past.until(INSPECTED, lambda found: found == 60, "asked")
        await past.until(SLOTS, lambda found: found == 60)
        await past.until(INSPECTED, lambda found: found == 10, "announced")
    commands = await past.db.fetchval("select count(*) from render.inbox")
    assert commands == 60 + 60 + 10


async def test_a_domain_that_was_away_for_longer_than_the_window_catches_up_and_goes_live(past: Past) -> None:
    await past.tell(mixed(10))
    async with past.leading(domain(COUNTING, ACTING)):
        await past.until(SLOTS, lambda found: found == 10)
        await past.until(INSPECTED, lambda found: found == 10, "stored")
    await past.tell(mixed(700))
    await past.forget_all_but(5)
    async with past.leading(domain(COUNTING, ACTING)) as runtime:
        asked = await past.send(COMMAND)
        await past.until("select count(*) from render.inbox where id = $1", bool, asked)
        await past.until(SLOTS, lambda found: found == 710)
        await past.until(INSPECTED, lambda found: found == 710, "stored")
        while runtime.listening._live is None:
            await asyncio.sleep(0.01)
        await past.tell(mixed(3))
        await past.until(SLOTS, lambda found: found >= 713)
        await past.until(INSPECTED, lambda found: found >= 713, "stored")
    assert await past.db.fetchval(SLOTS) == 713


async def test_a_kill_at_any_moment_of_catching_up_leaves_rows_and_cursor_that_agree(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "PAGE", 7)
    head = await past.tell(counted() for _ in range(600))
    chance, kills = random.Random(12), 0
    while await past.db.fetchval(SLOTS) < 600:
        async with past.leading(domain(COUNTING)):
            await asyncio.sleep(chance.uniform(0.02, 0.15))
        await past.until(GONE, lambda count: count == 0)
        place = await past.db.fetchval(PLACE, "counting") or 0
        assert await past.db.fetchval(SLOTS) == place, "each event is folded with its cursor, or not at all"
        kills += 1
    assert kills > 2 and place == head == 600


async def test_it_joins_a_feed_that_never_rests_without_a_gap_and_without_a_repeat(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "PAGE", 20)
    await past.tell(mixed(100))
    async with past.leading(domain(ACTING)):
        await past.until(INSPECTED, lambda found: found == 100, "stored")
    told = itertools.count(100)
    async with past.leading(domain(ACTING, COUNTING)) as runtime:
        while runtime.listening._behind.groups or runtime.listening._live is None or next(told) < 130:
            await past.tell(mixed(1))
        total = await past.db.fetchval("select count(*) from log.events where type = 'evt.identity.tenant.limits_changed.v1'")
        await past.until(SLOTS, lambda found: found >= total)
        await past.until(INSPECTED, lambda found: found >= total, "stored")
        assert runtime.listening._live.names == {"acting", "counting"}
    assert (await past.db.fetchval(SLOTS), await past.db.fetchval(INSPECTED, "stored")) == (total, total)


async def test_a_fold_that_fails_stays_where_it_is_and_all_else_goes_on(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "FIRST", 0.2)
    async with past.leading(domain(COUNTING, ACTING)) as runtime:
        await past.tell(mixed(3))
        await past.until(SLOTS, lambda found: found == 3)
        broken = await past.tell([counted(0)])
        await past.tell(mixed(5))
        await past.until(INSPECTED, lambda found: found == 8, "stored")
        asked = await past.send(COMMAND)
        await past.until("select count(*) from render.inbox where id = $1 and state = 'done'", bool, asked)
        assert await past.at("counting") < broken and await past.db.fetchval(SLOTS) == 3
        assert not runtime.waits
        await past.db.execute(HEAL, broken)
        await past.until(SLOTS, lambda found: found == 9)
        await past.tell(mixed(1))
        await past.until(SLOTS, lambda found: found >= 10)
    assert await past.db.fetchval(SLOTS) == 10


async def test_what_a_fold_keeps_is_replayed_up_to_where_it_stands(past: Past) -> None:
    await past.tell(counted() for _ in range(20))
    async with past.leading(domain(COUNTING)):
        await past.until(SLOTS, lambda found: found == 20)
    await past.tell(counted() for _ in range(5))
    domains = [one for one in all_domains() if one.name != "render"] + [domain(COUNTING)]
    report = await verify(past.dsn, domains)
    tables = {table.table: (table.equal, table.live_rows) for table in report.tables}
    assert tables["render.tenant_shares"] == (True, 7), report.differences
    await past.db.execute("update render.cursors set since = 3 where name = 'reaction.counting'")
    assert not {table.table: table for table in (await verify(past.dsn, domains)).tables}["render.tenant_shares"].equal


@pytest.mark.parametrize("history", ["skip", "act"])
async def test_a_reaction_that_becomes_a_fold_under_its_old_name_starts_nothing(
    past: Past, history: Literal["skip", "act"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "CURSOR_SECONDS", 0.5)  # a cursor that nothing is stored with is kept that seldom
    await past.tell(counted() for _ in range(20))
    was = Reaction(name="counting", on=TenantLimitsChanged, make=lambda event, envelope: [], history=history)
    async with past.leading(domain(was)):
        await past.until_at("counting", await past.tell(counted() for _ in range(5)))
    async with past.leading(domain(COUNTING)) as runtime:
        while "needs a name of its own" not in runtime.waits:
            await asyncio.sleep(0.01)
        assert await past.db.fetchval(SLOTS) == 0
    async with past.leading(domain(replace(COUNTING, name="counting_them"))):
        await past.until(SLOTS, lambda found: found == 25)
