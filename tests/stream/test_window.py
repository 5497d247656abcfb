"""What does not belong into EVENTS: readers pass it over, the stream is made anew, and an older database is told from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection, StreamError, StreamReader, api, sequences_of, store, stream_state
from consumers.log import Sequencer
from consumers.log import sequencer as sequencer_module
from consumers.log.alarms import WINDOW
from consumers.log.event import frame_of
from consumers.log.repairs import alarms, raise_epoch
from consumers.log.window import Window
from consumers.runtime.genuine import genuine
from consumers.runtime.store import Store
from contracts.catalogue import EVENTS, LOG_API, events_stream
from contracts.chain import EPOCH, HASH, SEAL, Marks, chained
from deploy.local.servers import Servers
from tests.stream.edges import KeyedEdge, edge_over
from tests.stream.sequencing import INSERT, TENANT, TYPE, happen, in_log, in_stream, numbered, running, until_published
from tests.stream.support import Login
from tests.support.logs import head_follows
from tests.support.password import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
SUBJECT = f"evt.{TENANT}.render.job.started.v1"
OTHERS = f"evt.{TENANT}.studio.render.requested.v1"
Forge = Callable[[asyncpg.Connection, Connection], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def admin(log_admin: Connection) -> Connection:
    """The administrator of the account where EVENTS lies."""
    return log_admin


@pytest_asyncio.fixture(loop_scope="session")
async def pool(servers: Servers, database: str) -> AsyncIterator[asyncpg.Pool]:
    """Of a domain, which reads the marks there."""
    async with asyncpg.create_pool(servers.pg_dsn("studio_app", PASSWORD, database), min_size=1, max_size=2) as made:
        yield made


class Reading:
    """A domain's reader and what it got."""

    def __init__(self, nc: Connection, pool: asyncpg.Pool, *subjects: str, after: int = 0) -> None:
        self.reader = StreamReader(nc, EVENTS, after, subjects=subjects, knows=lambda last: genuine(pool, last), prefix=LOG_API)
        self.got: list[tuple[int, str]] = []

    async def until(self, count: int) -> None:
        while len(self.got) < count:
            await self.more(1.0)

    async def more(self, seconds: float) -> None:
        self.got += [(sequences_of(msg)[0], (msg.headers or {}).get("ce-id", "")) for msg in await self.reader.next(500, seconds)]


@pytest_asyncio.fixture(loop_scope="session")
async def reading(login: Login, pool: asyncpg.Pool, admin: Connection) -> AsyncIterator[Callable[..., Awaitable[Reading]]]:
    """Opens domains' readers."""
    opened: list[Reading] = []

    async def begin(*subjects: str, after: int = 0) -> Reading:
        opened.append(Reading(await login("studio"), pool, *subjects, after=after))
        return opened[-1]

    yield begin
    for one in opened:
        await one.reader.close()


@pytest_asyncio.fixture(loop_scope="session")
async def keyed_edge(servers: Servers, database: str, db: asyncpg.Connection, admin: Connection) -> AsyncIterator[KeyedEdge]:
    """An edge over the same servers."""
    async with edge_over(servers, database, db) as running_edge:
        yield running_edge


async def bare(db: asyncpg.Connection, admin: Connection) -> None:
    """As the answer to a publish, or an empty pull, whose reply is an event's subject."""
    await admin.publish(SUBJECT, b'{"stream":"CMD_RENDER","seq":1}')


async def with_an_id_only(db: asyncpg.Connection, admin: Connection) -> None:
    """As an event of the release before."""
    await admin.publish(SUBJECT, b"{}", headers={"ce-id": str(uuid4()), "ce-type": TYPE, "ce-tenant": str(TENANT)})


async def a_copy(db: asyncpg.Connection, admin: Connection) -> None:
    """As a reader of EVENTS makes it who names an event's subject for the answer."""
    first = (await api(admin, f"STREAM.INFO.{EVENTS}"))["state"]["first_seq"]
    row = await db.fetchrow("select * from log.events where position = $1", first)
    head = await db.fetchrow("select epoch, seal from log.head")
    frame = frame_of(tuple(row), Marks(head["epoch"], head["seal"]))
    await admin.send(frame.subject, frame.body, frame.lines)


async def a_forgery(db: asyncpg.Connection, admin: Connection) -> None:
    """With all that everybody can compute: the next position, and the hash that continues the log."""
    last = (await api(admin, f"STREAM.INFO.{EVENTS}"))["state"]["last_seq"]
    before = await db.fetchval("select hash from log.events where position = $1", last) or "0" * 64
    values = (uuid4(), TYPE, TENANT, datetime.now(UTC), "key:1", uuid4(), uuid4(), "jobs/1", 1, "", '{"job_id":"forged"}')
    frame = frame_of((last + 1, *values, before, chained(before, last + 1, values)), Marks(0, "a guess"))
    await admin.send(frame.subject, frame.body, frame.lines)


async def one_with_a_wrong_hash(db: asyncpg.Connection, admin: Connection) -> None:
    """A real seal, of another event."""
    head = await db.fetchrow("select epoch, seal from log.head")
    row = tuple(await db.fetchrow("select * from log.events order by position limit 1"))
    frame = frame_of((*row[:11], '{"job_id":"changed"}', *row[12:]), Marks(head["epoch"], head["seal"]))
    await admin.send(frame.subject, frame.body, frame.lines)


async def fifty_of_each(db: asyncpg.Connection, admin: Connection) -> None:
    for _ in range(50):
        for forge in (bare, with_an_id_only, a_copy, a_forgery, one_with_a_wrong_hash):
            await forge(db, admin)


FORMS: list[Forge] = [bare, with_an_id_only, a_copy, a_forgery, one_with_a_wrong_hash, fifty_of_each]


@pytest.mark.parametrize("forge", FORMS, ids=lambda forge: forge.__name__)
async def test_a_foreign_message_reaches_no_reader_and_no_event_is_missed_or_repeated(
    admin: Connection,
    login: Login,
    db: asyncpg.Connection,
    log_dsn: str,
    reading: Callable[..., Awaitable[Reading]],
    keyed_edge: KeyedEdge,
    forge: Forge,
) -> None:
    domain = await reading(SUBJECT)
    async with running(log_dsn, await login("log")) as sequencer, keyed_edge.stream() as (_, seen):
        ids = await happen(db, 30)
        await until_published(sequencer, 30)
        await domain.until(10)
        await forge(db, admin)
        await admin.flush()
        ids += await happen(db, 30)
        await until_published(sequencer, 60)
        await domain.until(60)
        while len(seen) < 60:
            await asyncio.sleep(0.01)
        assert (await keyed_edge.ask("/v1/me"))[0] == 200
    assert domain.got == numbered(ids)
    assert seen == [(str(position), event) for position, event in numbered(ids)]
    assert await in_stream(admin) == numbered(ids)


@pytest.mark.parametrize("forge", [bare, a_forgery, fifty_of_each], ids=lambda forge: forge.__name__)
async def test_foreign_messages_that_are_there_before_the_sequencer_do_not_stop_it_or_the_edge(
    admin: Connection,
    login: Login,
    db: asyncpg.Connection,
    log_dsn: str,
    reading: Callable[..., Awaitable[Reading]],
    keyed_edge: KeyedEdge,
    forge: Forge,
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 20)
        await until_published(sequencer, 20)
    domain = await reading(SUBJECT)
    await forge(db, admin)
    await admin.flush()
    await domain.until(20)
    await domain.more(0.5)
    assert domain.got == numbered(ids)
    while keyed_edge.edge.feed is None or keyed_edge.edge.feed.head.published < 20:
        await asyncio.sleep(0.01)
    assert await keyed_edge.edge.feed.prove()
    assert (await keyed_edge.ask("/v1/me"))[0] == 200
    async with running(log_dsn, await login("log")) as sequencer:
        ids += await happen(db, 5)
        await until_published(sequencer, 25)
        await domain.until(25)
    assert domain.got == numbered(ids)
    assert await in_stream(admin) == numbered(ids)


async def test_an_idle_sequencer_notices_foreign_messages_by_itself(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 20)
        await until_published(sequencer, 20)
        await bare(db, admin)
        while (state := await stream_state(admin, EVENTS)) is None or state["state"]["last_seq"] != 21:
            await asyncio.sleep(0.001)
        while (state := await stream_state(admin, EVENTS)) is None or state["state"]["last_seq"] != 20:
            await asyncio.sleep(0.01)
        while len(await in_stream(admin)) < 20:
            await asyncio.sleep(0.01)
    assert await in_stream(admin) == numbered(ids)


async def test_a_window_with_foreign_messages_is_made_anew_from_the_head_less_a_thousand(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, reading: Callable[..., Awaitable[Reading]]
) -> None:
    domain = await reading()
    async with running(log_dsn, await login("log")) as sequencer:
        ids = await happen(db, 2500)
        await until_published(sequencer, 2500)
        await domain.until(2500)
        await bare(db, admin)
        ids += await happen(db, 1)
        await until_published(sequencer, 2501)
        await domain.until(2501)
    assert domain.got == numbered(ids)
    found = await in_stream(admin)
    assert found == numbered(ids)[found[0][0] - 1 :]
    assert found[0][0] in (1501, 1502)


async def test_no_cursor_of_a_domain_passes_what_foreign_messages_pretend(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, reading: Callable[..., Awaitable[Reading]], pool: asyncpg.Pool
) -> None:
    """Five foreign messages that nobody reacts to, then five events, of which it does, at their places."""
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        await happen(db, 10)
        await until_published(sequencer, 10)
    while await db.fetchval("select published from log.head") < 10:
        await asyncio.sleep(0.01)
    domain = await reading(OTHERS)
    await domain.more(0.5)
    assert await domain.reader.seen_to() == 10
    for _ in range(5):
        await bare(db, admin)
    await admin.flush()
    assert await domain.reader.seen_to() == 0
    async with pool.acquire() as conn:
        studio = Store(conn, "studio")
        async with studio.transaction(None):
            await conn.execute(studio.q.begin_cursors, ["reaction.scenes"], [0], [0], [0], [True])
            assert await studio.move({"reaction.scenes": 15}) == {"reaction.scenes": 10}
    events = [uuid4() for _ in range(5)]
    for event in events:
        await db.execute(INSERT.format(domain="studio"), event, "evt.studio.render.requested.v1", TENANT, datetime.now(UTC), "{}")
    async with running(log_dsn, nc) as sequencer:
        await until_published(sequencer, 15)
        await domain.until(5)
    assert domain.got == numbered(events, 11)


async def test_a_stream_of_the_release_before_is_made_anew_with_marks(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, reading: Callable[..., Awaitable[Reading]]
) -> None:
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        ids = await happen(db, 20)
        await until_published(sequencer, 20)
    await without_marks(admin, db)
    domain = await reading(SUBJECT, after=15)
    await domain.more(0.3)
    assert domain.got == []
    async with running(log_dsn, nc) as sequencer:
        ids += await happen(db, 1)
        await until_published(sequencer, 21)
        await domain.until(6)
    assert domain.got == numbered(ids)[15:]


async def without_marks(admin: Connection, db: asyncpg.Connection) -> None:
    """Make EVENTS as the release before left it."""
    await api(admin, f"STREAM.DELETE.{EVENTS}")
    await api(admin, f"STREAM.CREATE.{EVENTS}", {"name": EVENTS, "subjects": ["evt.>"]})
    for row in await db.fetch("select * from log.events order by position"):
        frame = frame_of(tuple(row), Marks(0, "x"))
        plain = b"".join(line + b"\r\n" for line in frame.lines.split(b"\r\n") if line and not line.startswith(b"fr-"))
        await store(admin, [frame._replace(lines=plain)])


async def test_a_stream_of_another_installation_is_made_anew_from_this_log(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        ids = await happen(db, 20)
        await until_published(sequencer, 20)
    await db.execute("update log.head set seal = repeat('0', 64), published = 0")
    async with running(log_dsn, nc) as sequencer:
        await until_published(sequencer, 20)
    last = await api(admin, f"STREAM.MSG.GET.{EVENTS}", {"seq": 20})
    assert last["message"]
    assert await in_stream(admin) == numbered(ids)


@asynccontextmanager
async def restored(db: asyncpg.Connection, log_dsn: str, nc: Connection, keyed_edge: KeyedEdge | None = None) -> AsyncIterator[Sequencer]:
    """A sequencer over a database that was restored to position 15, while EVENTS holds 20."""
    async with running(log_dsn, nc) as sequencer:
        await happen(db, 15)
        await until_published(sequencer, 15)
        while await db.fetchval("select published from log.head") < 15:
            await asyncio.sleep(0.01)
        await happen(db, 5)
        await until_published(sequencer, 20)
        while keyed_edge is not None and (keyed_edge.edge.feed is None or keyed_edge.edge.feed.position < 20):
            await asyncio.sleep(0.01)
    await db.execute("delete from log.events where position > 15")
    await head_follows(db)
    await db.execute("update log.head set published = 15")
    async with running(log_dsn, nc) as sequencer:
        while not await alarms(db):
            await asyncio.sleep(0.01)
        yield sequencer


async def test_a_database_that_is_older_than_the_stream_stops_publishing_and_says_what_to_do(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer_module, "MOST_UNPUBLISHED", 2)  # what cannot be published for long does not stop the appending
    async with restored(db, log_dsn, await login("log")) as sequencer:
        (alarm,) = await alarms(db)
        assert alarm.name == WINDOW
        assert "the database is older" in alarm.detail
        assert "raise-epoch" in alarm.remedy
        for number in range(1, 6):
            await happen(db, 3)
            while sequencer.position < 15 + 3 * number:
                await asyncio.sleep(0.01)
        assert not sequencer.task.done()  # type: ignore[attr-defined]
        state = await stream_state(admin, EVENTS)
        assert state
        assert (state["state"]["last_seq"], sequencer.published) == (20, 0)
        assert await db.fetchval("select published from log.head") == 15


async def test_raising_the_epoch_makes_the_stream_anew_and_readers_go_on(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, reading: Callable[..., Awaitable[Reading]]
) -> None:
    async with restored(db, log_dsn, await login("log")) as sequencer:
        await happen(db, 3)
        domain = await reading(SUBJECT, after=12)
        await domain.until(3)
        await domain.more(2.0)  # what the stream holds of the log that was given up makes nobody react
        order = await in_log(db)
        assert domain.got == numbered(order)[12:15]
        assert await raise_epoch(db) == (1, 15)
        await until_published(sequencer, 18)
        await domain.until(6)
        assert domain.got == numbered(order)[12:]
        assert await in_stream(admin) == numbered(order)
        while await alarms(db):
            await asyncio.sleep(0.01)
        while await db.fetchval("select published from log.head") < 18:
            await asyncio.sleep(0.01)
        (message,) = await marks_at(admin, 18)
        assert message[EPOCH] == "1"


async def marks_at(admin: Connection, position: int) -> list[dict[str, str]]:
    reader = StreamReader(admin, EVENTS, after=position - 1)
    found = [dict(msg.headers or {}) for msg in await reader.next(1, 5)]
    await reader.close()
    assert all(name in headers for headers in found for name in (HASH, SEAL))
    return found


async def test_a_backup_from_before_an_earlier_restore_gets_an_epoch_that_was_never_used(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    nc = await login("log")
    async with restored(db, log_dsn, nc) as sequencer:
        await raise_epoch(db)
        await happen(db, 5)
        await until_published(sequencer, 20)
    await db.execute("delete from log.events where position > 15")
    await head_follows(db)
    await db.execute("update log.head set published = 15, epoch = 0, seen_epoch = 0, shared = '{}'")
    await db.execute("truncate log.alarms")
    async with running(log_dsn, nc) as sequencer:
        while not await alarms(db):
            await asyncio.sleep(0.01)
        assert await raise_epoch(db) == (2, 15)
        assert await db.fetchval("select shared from log.head") == [15, 0]
        await happen(db, 1)
        await until_published(sequencer, 16)
        assert (await marks_at(admin, 16))[0][EPOCH] == "2"


async def test_clients_are_told_that_the_log_was_restored_and_from_where_to_begin(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, keyed_edge: KeyedEdge
) -> None:
    async with restored(db, log_dsn, await login("log"), keyed_edge) as sequencer, keyed_edge.stream() as (answer, _):
        await raise_epoch(db)
        while keyed_edge.edge.feed is None or keyed_edge.edge.feed.head.epoch != 1:
            await asyncio.sleep(0.01)
        while not answer.content.at_eof():
            await asyncio.sleep(0.01)
        ids = await happen(db, 3)
        await until_published(sequencer, 18)
        status, problem, _ = await keyed_edge.ask("/v1/events", **{"Last-Event-ID": "20"})
        assert (status, problem["code"]) == (410, "log.restored")
        assert "begin behind 1.15" in problem["detail"]
        for text in ("1.19", "2.3", "99999999"):
            status, problem, _ = await keyed_edge.ask("/v1/events", **{"Last-Event-ID": text})
            assert status in (400, 410), text
        assert (await keyed_edge.ask("/v1/events", **{"Last-Event-ID": "1.19"}))[0] == 400
        assert (await keyed_edge.ask("/v1/log?after=17"))[1]["code"] == "log.restored"
        for text in ("15", "1.15"):
            async with keyed_edge.stream(**{"Last-Event-ID": text}) as (opened, got):
                assert opened.headers["X-Log-Position"].startswith("1.")
                while len(got) < 3:
                    await asyncio.sleep(0.01)
                assert got == [(f"1.{position}", str(event)) for position, event in enumerate(ids, 16)]
        _, page, position = await keyed_edge.ask("/v1/log?after=1.16")
        assert ([row["feed_id"] for row in page["data"]], position) == (["1.17", "1.18"], "1.18")


@pytest.mark.parametrize("text", ["6", "1.1", "123456789012345678"])
async def test_a_resumption_from_beyond_the_end_of_the_log_is_refused(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str, keyed_edge: KeyedEdge, text: str
) -> None:
    async with running(log_dsn, await login("log")) as sequencer:
        await happen(db, 5)
        await until_published(sequencer, 5)
        status, problem, _ = await keyed_edge.ask("/v1/events", **{"Last-Event-ID": text})
        assert (status, problem["code"]) == (400, "request.parameter")
        assert "Begin behind that" in problem["detail"]
        async with keyed_edge.stream(**{"Last-Event-ID": "5"}) as (answer, _):
            assert answer.status == 200


async def test_a_foreign_message_amid_a_row_lets_all_behind_it_fail(
    admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str
) -> None:
    """As many as the events that failed, so that the sequences behind them fit again."""
    nc = await login("log")
    async with running(log_dsn, nc) as sequencer:
        ids = await happen(db, 1300)
        await until_published(sequencer, 1300)
    rows = [tuple(row) for row in await db.fetch("select * from log.events order by position")]
    await api(admin, f"STREAM.DELETE.{EVENTS}")
    await api(admin, f"STREAM.CREATE.{EVENTS}", events_stream())
    window = Window(db, asyncio.Lock(), nc)
    await window.load()
    await window.publish(rows[:10])
    for _ in range(500):
        await bare(db, admin)
    await admin.flush()
    with pytest.raises(StreamError, match="wrong last"):
        await window.publish(rows[10:])
    state = await stream_state(admin, EVENTS)
    assert state
    assert state["state"]["last_seq"] == 510
    async with running(log_dsn, nc) as sequencer:
        await until_published(sequencer, 1300)
    found = await in_stream(admin)
    assert found == numbered(ids)[found[0][0] - 1 :]
