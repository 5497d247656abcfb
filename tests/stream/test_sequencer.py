"""The sequencer against real servers: one order, no gap and no duplicate, whatever is killed; and a window that can be lost."""

import asyncio
import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection, StreamReader, api, connect, sequences_of, stream_state
from adapters.object_store import ObjectStore
from consumers.log import LogEvent, read, verify_chain
from consumers.log.window import Window
from contracts.catalogue import EVENTS, LOG_API, events_stream, feed_subject
from contracts.chain import GENESIS
from contracts.envelope import Envelope
from deploy.local.servers import Servers
from tests.stream.lossy_wire import LossyWire
from tests.stream.sequencing import INSERT, TENANT, TYPE, happen, in_log, in_stream, numbered, running, until_published
from tests.stream.support import Login, delete_stream, settings
from tests.support.password import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(loop_scope="session")
async def admin(log_admin: Connection) -> Connection:
    """The administrator of the account where EVENTS lies."""
    return log_admin


async def test_the_events_of_all_domains_get_one_order_and_a_position_is_the_streams_sequence(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        await happen(db, 120, "render")
        await happen(db, 80, "studio")
        await until_published(sequencer, 200)
        measured = await sequencer.measured()
        assert (measured["position"], measured["archived"]) == (200, 0)
    assert await sequencer.measured() == {}, "only the leader tells"
    order = await in_log(db)
    assert len(set(order)) == 200
    assert await in_stream(admin) == numbered(order)
    assert await db.fetchval("select count(*) from render.outbox") == 0


async def test_the_events_of_one_domain_keep_their_order(admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 150)
        await until_published(sequencer, 150)
    assert await in_log(db) == ids


async def test_a_published_event_carries_its_envelope_and_is_fed_on_after_it_was_stored(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    fed: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()

    async def hear(msg: object) -> None:
        fed.put_nowait((msg.subject, msg.headers, msg.data))  # type: ignore[attr-defined]

    edge = await login("edge")
    await edge.subscribe(feed_subject(), cb=hear)
    await edge.flush()
    async with running(log_dsn, await login("log")) as sequencer:
        (event,) = await happen(db, 1)
        await until_published(sequencer, 1)
    subject, headers, body = await asyncio.wait_for(fed.get(), 30)
    assert subject == f"feed.evt.{TENANT}.render.job.started.v1"
    assert headers["Nats-Sequence"] == "1"
    envelope = Envelope.read(headers)
    row = await db.fetchrow("select * from log.events")
    assert (envelope.id, envelope.tenant, envelope.type, envelope.actor) == (event, TENANT, TYPE, "key:1")
    assert (envelope.time, body.decode()) == (row["time"], row["body"])
    assert (headers["ce-aggregate"], headers["ce-version"]) == ("jobs/1", "1")


async def test_no_event_is_lost_or_doubled_when_nats_is_killed_again_and_again(
    servers: Servers, admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    ids: list[UUID] = []
    async with running(log_dsn, await login("log")) as sequencer:
        for _ in range(4):
            ids += await happen(db, 400)
            await until_published(sequencer, len(ids) - 399)
            await servers.kill("nats")
            ids += await happen(db, 100)
            await servers.restart("nats")
        await until_published(sequencer, 2000)
    assert await in_log(db) == ids
    assert await admin.until_connected(10)
    assert await in_stream(admin) == numbered(ids)


async def test_what_a_killed_broker_lost_of_the_stream_comes_back_by_itself_at_its_old_place(
    servers: Servers, admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, tmp_path: Path
) -> None:
    domain = await login("studio")
    reader = StreamReader(domain, EVENTS, after=0, prefix=LOG_API)
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 40)
        await until_published(sequencer, 40)
        seen = [sequences_of(msg)[0] for msg in await reader.next(500, 5)]
        (stream,) = servers.data.glob(f"**/streams/{EVENTS}")
        await servers.kill("nats")
        shutil.copytree(stream, tmp_path / "older")
        await servers.restart("nats")
        ids += await happen(db, 60)
        while len(seen) < 100:
            seen += [sequences_of(msg)[0] for msg in await reader.next(500, 5)]
        await servers.kill("nats")
        shutil.rmtree(stream)
        shutil.copytree(tmp_path / "older", stream)
        await servers.restart("nats")
        assert await admin.until_connected(10)
        while (state := await stream_state(admin, EVENTS)) is None or state["state"]["last_seq"] < 100:
            await asyncio.sleep(0.01)
        assert await in_stream(admin) == numbered(ids)
        await happen(db, 1)
        while len(seen) < 101:
            seen += [sequences_of(msg)[0] for msg in await reader.next(500, 5)]
    assert seen == list(range(1, 102))
    await reader.close()


async def test_a_lost_acknowledgement_neither_doubles_nor_skips_an_event(
    servers: Servers, admin: Connection, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with LossyWire(servers.nats_url) as wire:
        nc = await connect(settings(wire.url, "log", PASSWORD), "lossy", within=10)
        async with running(log_dsn, nc) as sequencer:
            ids = await happen(db, 10)
            await until_published(sequencer, 10)
            wire.swallow_answers()
            ids += await happen(db, 30)
            while (state := await stream_state(admin, EVENTS)) and state["state"]["last_seq"] < 40:
                await asyncio.sleep(0.01)
            assert sequencer.published < 40
            await wire.cut()
            ids += await happen(db, 5)
            await until_published(sequencer, 45)
        await nc.close()
    assert await in_stream(admin) == numbered(ids)


async def test_killing_the_database_connection_loses_nothing(admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str) -> None:
    ids: list[UUID] = []
    async with running(log_dsn, await login("log")) as sequencer:
        for _ in range(5):
            ids += await happen(db, 200)
            await db.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'log_app'")
        await until_published(sequencer, 1000)
    assert await in_log(db) == ids
    assert await in_stream(admin) == numbered(ids)


async def test_of_two_sequencers_one_works_and_the_other_takes_over(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    nc, other_nc = await login("log"), await login("log")
    async with running(log_dsn, other_nc) as standby, running(log_dsn, nc) as other:
        while not (standby.active.is_set() or other.active.is_set()):
            await asyncio.sleep(0.01)
        leader, waiting = (standby, other) if standby.active.is_set() else (other, standby)
        ids = await happen(db, 50)
        await until_published(leader, 50)
        assert not waiting.active.is_set()
        leader.task.cancel()  # type: ignore[attr-defined]
        ids += await happen(db, 50)
        await until_published(waiting, 100)
    assert await in_stream(admin) == numbered(ids)


async def test_a_deposed_sequencer_that_still_publishes_cannot_disturb_the_order(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 20)
        await until_published(sequencer, 20)
        rows = [tuple(row) for row in await db.fetch("select * from log.events order by position")]
        deposed = Window(db, asyncio.Lock(), await login("log"))
        await deposed.load()
        with pytest.raises(Exception, match="wrong last sequence"):
            await deposed.publish(rows[5:])
        ids += await happen(db, 5)
        await until_published(sequencer, 25)
    assert await in_stream(admin) == numbered(ids)


async def test_a_lost_stream_is_made_anew_at_its_position_and_goes_on(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    await db.execute("insert into render.cursors (name, position) values ('reaction.jobs', 1700)")
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 3000)
        await until_published(sequencer, 3000)
        await delete_stream(admin, EVENTS)
        ids += await happen(db, 10)
        await until_published(sequencer, 3010)
    assert await in_stream(admin) == numbered(ids)[1700:]
    state = await stream_state(admin, EVENTS)
    assert state
    assert state["config"]["republish"]["src"] == "evt.>"


async def test_an_empty_stream_that_a_deploy_step_made_is_replaced_by_one_at_the_right_position(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        ids = await happen(db, 2500)
        await until_published(sequencer, 2500)
    await delete_stream(admin, EVENTS)
    await api(admin, f"STREAM.CREATE.{EVENTS}", events_stream())
    async with running(log_dsn, nc) as sequencer:
        ids += await happen(db, 1)
        await until_published(sequencer, 2501)
    found = await in_stream(admin)
    assert found == numbered(ids)[found[0][0] - 1 :]
    assert found[0][0] in (1501, 1502)  # the last event may have been appended before the stream was looked at


@pytest.mark.parametrize(
    ("kind", "body"), [("evt.render.job.started", "{}"), ("evt.render.>.started.v1", "{}"), (TYPE, '"' + "x" * 65536 + '"')]
)
async def test_an_event_that_could_not_be_published_does_not_get_into_an_outbox(db: asyncpg.Connection, kind: str, body: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await db.execute(INSERT.format(domain="render"), uuid4(), kind, TENANT, datetime.now(UTC), body)


async def test_the_chain_holds_and_begins_with_zeros(admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        await happen(db, 50)
        await until_published(sequencer, 50)
    assert await verify_chain(db) is None
    first = await db.fetchrow("select * from log.events where position = 1")
    micros = round(first["time"].timestamp() * 1e6)
    row = [
        1,
        str(first["event_id"]),
        TYPE,
        str(TENANT),
        micros,
        "key:1",
        str(first["event_id"]),
        str(first["event_id"]),
        "jobs/1",
        1,
        "",
        first["body"],
    ]
    text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
    assert first["hash"] == hashlib.sha256(f"{GENESIS}\n{text}".encode()).hexdigest()


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        ("update log.events set body = '{}' where position = 7", 7),
        ("update log.events set actor = 'key:2' where position = 9", 9),
        ("update log.events set time = time + interval '1 microsecond' where position = 3", 3),
        ("delete from log.events where position = 12", 12),
        ("delete from log.events where position = 1", 1),
        ("update log.events set hash = prev_hash where position = 20", 20),
    ],
)
async def test_damage_to_the_log_is_found_where_it_is(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, damage: str, where: int
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        await happen(db, 20)
        await until_published(sequencer, 20)
    await db.execute(damage)
    assert await verify_chain(db) == where


async def test_the_sequencers_role_cannot_change_or_remove_an_event(db: asyncpg.Connection, log_dsn: str) -> None:
    conn = await asyncpg.connect(log_dsn)
    await conn.execute("set app.tenants = '*'")
    for attack in ("update log.events set body = '{}'", "delete from log.events", "truncate log.events", "drop table log.events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(attack)
    await conn.close()


async def test_reading_for_a_tenant_shows_that_tenants_events_only(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    other = uuid4()
    async with running(log_dsn, await login("log")) as sequencer:
        mine = await happen(db, 5)
        await happen(db, 5, tenant=other)
        await until_published(sequencer, 10)
    conn = await asyncpg.connect(log_dsn)
    await conn.execute(f"set app.tenants = '{TENANT}'")
    assert [e.event_id for e in await everything(conn)] == mine
    await conn.execute("set app.tenants = ''")
    assert await everything(conn) == []
    await conn.close()
    assert [e.event_id async for batch in read(db, tenant=TENANT) for e in batch] == mine


async def everything(conn: asyncpg.Connection, since: int = 0, store: ObjectStore | None = None, **choice: object) -> list[LogEvent]:
    return [event async for batch in read(conn, since, store=store, **choice) for event in batch]  # type: ignore[arg-type]


async def test_reading_can_begin_end_and_choose_by_type(admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        await happen(db, 30)
        await until_published(sequencer, 30)
    assert [event.position for event in await everything(db, 10, until=15)] == [11, 12, 13, 14, 15]
    assert len(await everything(db, type_prefix="evt.render.")) == 30
    assert await everything(db, type_prefix="evt.studio.") == []
