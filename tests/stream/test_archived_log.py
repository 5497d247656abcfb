"""The log's leader keeps its partitions by itself; an id is known as repeated wherever its event lies by now."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection
from adapters.object_store import ObjectStore
from consumers.log import Sequencer, partition_upkeep, verify_chain
from consumers.log.append import Appender
from consumers.log.repairs import NotReleased, alarms, release, repeated
from contracts.ids import derived_id, moment_id
from deploy.local.servers import Servers
from tests.stream.sequencing import INSERT, TENANT, TYPE, in_log
from tests.stream.support import Login
from tests.support.logs import archive, parts_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
NOW = datetime.now(UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def store(servers: Servers) -> AsyncIterator[ObjectStore]:
    async with ObjectStore(servers.s3_url, "archived-log", servers.s3_access_key, servers.s3_secret_key) as opened:
        await opened.ensure_bucket()
        yield opened


async def put(db: asyncpg.Connection, ids: list[UUID], domain: str = "render") -> None:
    """Events of these ids into a domain's outbox."""
    await db.executemany(INSERT.format(domain=domain), [(id, TYPE, TENANT, NOW, f'{{"job_id":"{id}"}}') for id in ids])


def texts(ids: list[UUID]) -> list[str]:
    """As the appender has them."""
    return list(map(str, ids))


def made(count: int, *, at: datetime = NOW, kind: str = "moment") -> list[UUID]:
    """Ids as this release makes them, in their order; or as earlier ones did."""
    if kind == "derived":
        return [derived_id(uuid4(), "event 0") for _ in range(count)]
    return [moment_id(at + timedelta(milliseconds=number), uuid4()) for number in range(count)]


async def appender_of(dsn: str) -> Appender:
    conn = await asyncpg.connect(dsn)
    await conn.execute("set app.tenants = '*'")
    appender = Appender(conn)
    await appender.load()
    return appender


@pytest.mark.parametrize("looked_up", [True, False], ids=["looked up", "not looked up"])
@pytest.mark.parametrize("kind", ["moment", "derived"])
@pytest.mark.parametrize("place", ["another partition", "an archive"])
async def test_a_repeated_id_stops_its_outbox_wherever_its_event_lies(
    db: asyncpg.Connection, log_dsn: str, store: ObjectStore, place: str, kind: str, looked_up: bool
) -> None:
    await parts_of(db, 20, 3)
    ids = made(50, kind=kind)
    await put(db, ids)
    appender = await appender_of(log_dsn)
    assert len(await appender.append()) == 50
    if looked_up or place == "an archive":
        await db.execute("update log.head set published = position")
        await archive(log_dsn, store, parts=2 if place == "an archive" else 0)
        await appender.learn()
    old, fresh = ids[7], made(3, kind=kind)
    await put(db, [fresh[0], old, fresh[1]], "studio")
    await put(db, [fresh[2]])
    await appender.append()
    assert {alarm.name for alarm in await alarms(db)} == {"outbox.studio"}
    assert [row["event_id"] for row in await db.fetch("select event_id from studio.outbox order by id")] == [old, fresh[1]]
    assert (await in_log(db))[-2:] in ([fresh[0], fresh[2]], [fresh[2], fresh[0]])
    found = await repeated(db, "studio", store)
    assert found is not None and (found.id, found.position) == (old, 8)
    await release(db, "studio", old, "copy", store)
    appender.stopped["studio"] = 0
    await appender.append()
    assert not await alarms(db) and (await in_log(db))[-1] == fresh[1]
    await appender._conn.close()


async def test_another_fact_under_an_archived_id_is_no_copy(db: asyncpg.Connection, log_dsn: str, store: ObjectStore) -> None:
    await parts_of(db, 20, 3)
    ids = made(50)
    await put(db, ids)
    appender = await appender_of(log_dsn)
    await appender.append()
    await db.execute("update log.head set published = position")
    await archive(log_dsn, store, parts=2)
    await db.execute(INSERT.format(domain="studio"), ids[0], TYPE, TENANT, NOW, '{"other":1}')
    await appender.append()
    with pytest.raises(NotReleased, match="must not be dropped"):
        await release(db, "studio", ids[0], "copy", store)
    await release(db, "studio", ids[0], "new", store)
    appender.stopped["studio"] = 0
    assert len(await appender.append()) == 1
    await appender._conn.close()


async def test_one_id_twice_in_what_crosses_into_the_next_partition_is_noticed(db: asyncpg.Connection, log_dsn: str) -> None:
    await parts_of(db, 20, 3)
    ids = made(30)
    await put(db, ids)
    await put(db, [ids[3], *made(2)], "studio")
    appender = await appender_of(log_dsn)
    await appender.append()
    assert (await in_log(db)).count(ids[3]) == 1 and len(await alarms(db)) == 1
    await appender._conn.close()


async def test_ids_of_a_later_moment_are_not_looked_for_in_full_partitions(
    db: asyncpg.Connection, log_dsn: str, store: ObjectStore
) -> None:
    await parts_of(db, 20, 3)
    await put(db, [*made(25), UUID("ffffffff-ffff-8fff-8000-000000000000")])
    appender = await appender_of(log_dsn)
    await appender.append()
    later = texts(made(5, at=NOW + timedelta(seconds=5)))
    assert appender._suspects(later) == later, "what is in the full partition is not known yet"
    await archive(log_dsn, store, parts=0)
    await appender.learn()
    assert appender._suspects(later) == []
    earlier, odd = texts(made(5)), texts(made(5, kind="derived"))
    assert appender._suspects([*earlier, *later, *odd]) == [*earlier, *odd]
    assert len(appender._suspects(["fffffff0-ffff-8fff-8000-000000000000"])) == 1
    await appender._conn.close()


async def test_partitions_are_there_before_they_are_needed(db: asyncpg.Connection, log_dsn: str) -> None:
    appender = await appender_of(log_dsn)
    await db.execute("update log.head set position = (select max(last) - 5000 from log.parts)")
    await appender.load()
    await put(db, made(30))
    await appender.append()
    assert await db.fetchval("select max(last) from log.parts") - appender.position >= 15_000
    await db.execute("truncate log.events")
    await appender._conn.close()


async def test_the_leader_archives_what_is_old_and_drops_it_while_it_goes_on(
    log_admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_upkeep, "EVERY", 0.05)
    monkeypatch.setattr(partition_upkeep, "RETIRED", timedelta(0))
    await parts_of(db, 500, 3)
    await put(db, made(2600))
    sequencer = Sequencer(lambda: asyncpg.connect(log_dsn), await login("log"), store=store, days=0)
    task = asyncio.create_task(sequencer.run())
    try:
        while await db.fetchval("select count(*) from log.parts where dropped_at is not null") < 3:
            assert not task.done()
            await asyncio.sleep(0.02)
        await put(db, made(10))
        while sequencer.published < 2610:
            await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await db.fetchval("select first from log.head") == 1501
    assert await db.fetchval("select count(*) from log.events") == 1110
    assert await verify_chain(db, store=store) is None


async def test_a_store_that_is_away_stops_the_archiving_alone_and_is_told_once(
    log_admin: Connection,
    login: Login,
    db: asyncpg.Connection,
    log_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(partition_upkeep, "EVERY", 0.01)
    await parts_of(db, 500, 3)
    await put(db, made(2600))
    async with ObjectStore("http://127.0.0.1:1", "tests", "a", "b") as nowhere:
        sequencer = Sequencer(lambda: asyncpg.connect(log_dsn), await login("log"), store=nowhere, days=0)
        task = asyncio.create_task(sequencer.run())
        try:
            while not [record for record in caplog.records if "cannot be archived" in record.message]:
                await asyncio.sleep(0.02)
            await put(db, made(10))
            while sequencer.published < 2610:
                assert not task.done()
                await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert [record.levelno for record in caplog.records if "cannot be archived" in record.message] == [logging.ERROR]
    assert await db.fetchval("select first from log.head") == 1
