"""An event that the log refuses stops its own domain's outbox there, loses nothing, and goes on by itself once it was put right."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection
from consumers.log.append import MOST_AT_ONCE
from consumers.log.repairs import NotReleased, alarms, release, repeated
from tests.stream.sequencing import INSERT, TENANT, TYPE, happen, in_log, running, until_published
from tests.stream.support import Login

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


async def repeat(db: asyncpg.Connection, event: UUID, domain: str = "studio") -> None:
    """Another fact under the id of one that is there."""
    await db.execute(INSERT.format(domain=domain), event, TYPE, TENANT, datetime.now(UTC), '{"other":1}')


async def waiting(db: asyncpg.Connection, domain: str = "studio") -> list[UUID]:
    return [row["event_id"] for row in await db.fetch(f"select event_id from {domain}.outbox order by id")]


async def until_alarmed(db: asyncpg.Connection, count: int = 1) -> None:
    while len(await alarms(db)) < count:
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(log_admin: Connection) -> Connection:
    """The administrator of the account where EVENTS lies."""
    return log_admin


async def test_a_repeated_event_id_stops_its_domains_outbox_at_that_row_and_no_other(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        (event,) = await happen(db, 1)
        await until_published(sequencer, 1)
        async with db.transaction():
            before = await happen(db, 30, "studio")
            await repeat(db, event)
            behind = await happen(db, 30, "studio")
            other = await happen(db, 5)
        await until_published(sequencer, 36)
        await until_alarmed(db)
        other += await happen(db, 5)
        await until_published(sequencer, 41)
        assert await waiting(db) == [event, *behind]
        assert set(await in_log(db)) == {event, *before, *other}
        (alarm,) = await alarms(db)
        assert alarm.name == "outbox.studio"
        assert f"{event}" in alarm.detail and "flatrender log release studio" in alarm.remedy
        found = await repeated(db, "studio")
        assert found is not None and (found.id, found.position) == (event, 1)
        with pytest.raises(NotReleased, match="must not be dropped"):
            await release(db, "studio", event, "copy")
        await release(db, "studio", event, "new")
        await until_published(sequencer, 72)
        while await alarms(db):
            await asyncio.sleep(0.01)
        (renamed,) = set(await in_log(db)) - {event, *before, *behind, *other}
        order = await in_log(db)
        assert [one for one in order if one in {renamed, *before, *behind}] == [*before, renamed, *behind]
        behind = await happen(db, 1, "studio")
        await until_published(sequencer, 73)
    assert [record.levelno for record in caplog.records if "alarm outbox.studio" in record.message].count(logging.ERROR) == 1


async def test_of_two_domains_that_give_one_id_at_once_the_first_stands_and_the_second_waits(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    event = uuid4()
    async with db.transaction():
        await repeat(db, event, "render")
        await repeat(db, event, "studio")
    async with running(log_dsn, await login("log")) as sequencer:
        await until_alarmed(db)
        await until_published(sequencer, 1)
        stopped = (await alarms(db))[0].name.removeprefix("outbox.")
        assert await waiting(db, stopped) == [event]
        assert (await in_log(db)).count(event) == 1
        await release(db, stopped, event, "new")
        while await alarms(db):
            await asyncio.sleep(0.01)
        await until_published(sequencer, 2)
    assert event in await in_log(db)


async def test_the_very_same_event_twice_is_removed_only_when_a_person_says_so(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        (event,) = await happen(db, 1)
        await until_published(sequencer, 1)
        await db.execute(
            "insert into render.outbox (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, "
            "traceparent, body) select event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, "
            "traceparent, body from log.events"
        )
        (behind,) = await happen(db, 1)
        await until_alarmed(db)
        assert await waiting(db, "render") == [event, behind]
        await release(db, "render", event, "copy")
        await until_published(sequencer, 2)
    assert await in_log(db) == [event, behind]


@asynccontextmanager
async def refusing(db: asyncpg.Connection, actor: str) -> AsyncIterator[None]:
    """A log that refuses what an actor did, for whatever reason."""
    await db.execute(f"alter table log.events add constraint refused check (actor <> '{actor}')")
    try:
        yield
    finally:
        await db.execute("alter table log.events drop constraint if exists refused")


async def test_what_the_log_refuses_for_another_reason_stops_its_domain_only_and_goes_on_when_the_reason_is_gone(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with refusing(db, "key:odd"), running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 700, "studio")
        await db.execute("update studio.outbox set actor = 'key:odd' where event_id = $1", ids[500])
        await happen(db, 50, "render")
        await until_alarmed(db)
        await until_published(sequencer, 550)
        assert await waiting(db) == ids[500:]
        assert "refused" in (await alarms(db))[0].detail
        await db.execute("alter table log.events drop constraint refused")
        await until_published(sequencer, 750)
        while await alarms(db):
            await asyncio.sleep(0.01)
    order = [event for event in await in_log(db) if event in set(ids)]
    assert order == ids


async def test_a_sequencer_that_takes_over_keeps_the_alarm_and_ends_it_when_it_was_put_right_meanwhile(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        ids = await happen(db, 1)
        await until_published(sequencer, 1)
        await repeat(db, ids[0])
        await until_alarmed(db)
    async with running(log_dsn, nc) as sequencer:
        await happen(db, MOST_AT_ONCE + 5)
        await until_published(sequencer, MOST_AT_ONCE + 6)
        assert len(await alarms(db)) == 1
    await release(db, "studio", ids[0], "new")
    async with running(log_dsn, nc) as sequencer:
        while await alarms(db):
            await asyncio.sleep(0.01)
        while await waiting(db):
            await asyncio.sleep(0.01)
