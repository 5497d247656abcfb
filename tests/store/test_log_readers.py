"""Archives, partitions and table are one sequence to whoever reads the log, wherever the one ends and the next begins."""

from collections.abc import AsyncIterator
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from api_edge.errors import Refused
from api_edge.handlers.reader import Reader
from api_edge.stream.events import public_types
from api_edge.stream.tenant_log import walk
from consumers.log import LogDamaged, LogEvent, read, verify_chain
from consumers.runtime.history import History, HistoryDamaged
from contracts.runs import Recorded
from deploy.local.servers import Servers
from deploy.replay import chain_breaks, recorded
from tests.support.databases import migrated
from tests.support.logs import TYPES, archive, old_run, parts_of, write_events
from tests.support.password import PASSWORD

ONE, OTHER, IDLE, NOBODY = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
TENANTS = (ONE, OTHER, ONE, ONE, OTHER, ONE, ONE)
EVERYBODY = (ONE, OTHER, IDLE, NOBODY)
SHAPES = ("one partition", "partitions", "archives", "archives and partitions", "archived, not dropped", "an earlier release's archives")


class Counted(ObjectStore):
    """Object storage that remembers what was read of it."""

    def __init__(self, *args: str) -> None:
        super().__init__(*args)
        self.ranges: list[tuple[str, int, int]] = []
        self.whole: list[str] = []

    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        self.ranges.append((key, offset, length))
        return await super().get_range(key, offset, length)

    async def get(self, key: str, limit: int) -> bytes:
        self.whole.append(key)
        return await super().get(key, limit)


class Log(SimpleNamespace):
    """A log in some shape, and what is known to be in it."""

    db: asyncpg.Connection
    events: list[LogEvent]
    store: Counted
    reader: Reader
    history: History
    dsn: str

    async def page(self, tenant: UUID, behind: int, most: int, prefix: str = "") -> Any:
        return await walk(SimpleNamespace(reader=self.reader, store=self.store), tenant, behind, most, prefix)  # type: ignore[arg-type]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def counted(servers: Servers) -> AsyncIterator[Counted]:
    """A bucket for these tests."""
    async with Counted(servers.s3_url, "log-readers", servers.s3_access_key, servers.s3_secret_key) as store:
        await store.ensure_bucket()
        yield store


@pytest_asyncio.fixture(loop_scope="session", scope="session", params=SHAPES)
async def log(request: pytest.FixtureRequest, servers: Servers, counted: Counted) -> AsyncIterator[Log]:
    """Each shape of one log of 300 events."""
    async with migrated(servers.pg_admin_dsn) as dsn, asyncpg.create_pool(dsn, user="studio_app", password=PASSWORD, min_size=1) as pool:
        db = await asyncpg.connect(dsn)
        name = dsn.rpartition("/")[2]
        if request.param != "one partition":
            await parts_of(db, 40, 7)
        events = await write_events(db, 299, TENANTS)
        events = await write_events(db, 1, [IDLE])
        await shape(db, request.param, servers.pg_dsn("log_app", PASSWORD, name), counted)
        reader = await Reader.connect(dsn, PASSWORD)
        await db.execute("set app.tenants = '*'")
        yield Log(db=db, events=events, store=counted, reader=reader, history=History(pool, counted), dsn=dsn)
        await reader.close()
        await db.close()


async def shape(db: asyncpg.Connection, shape: str, dsn: str, store: ObjectStore) -> None:
    if shape == "an earlier release's archives":
        await old_run(db, store, 55)
    elif shape == "archives":
        assert len(await archive(dsn, store, most=17)) == 7
    elif shape == "archives and partitions":
        assert await archive(dsn, store, most=17, parts=3) == [1, 41, 81]
    elif shape == "archived, not dropped":
        assert await archive(dsn, store, most=17, parts=3, drop=False) == [1, 41, 81]


async def listed(pages: Any) -> list[LogEvent]:
    return [event async for events in pages for event in events]


async def test_the_command_line_reads_it_from_any_position_to_any_other(log: Log) -> None:
    assert await listed(read(log.db, store=log.store)) == log.events
    for since, until in ((0, 1), (16, 18), (39, 41), (54, 57), (119, 121), (0, 299), (250, 300), (299, 300), (300, 300)):
        assert await listed(read(log.db, since, until=until, store=log.store)) == log.events[since:until]
    assert await verify_chain(log.db, store=log.store) is None


@pytest.mark.parametrize("tenant", EVERYBODY, ids=str)
async def test_the_command_line_reads_a_tenants_part_of_it(log: Log, tenant: UUID) -> None:
    wanted = [event for event in log.events if event.tenant_id == tenant]
    assert await listed(read(log.db, tenant=tenant, store=log.store)) == wanted
    prefix = "evt.render."
    found = await listed(read(log.db, 30, tenant=tenant, type_prefix=prefix, store=log.store, until=290))
    assert found == [event for event in wanted if 30 < event.position <= 290 and event.type.startswith(prefix)]


async def test_a_domain_reads_what_it_wants_of_it(log: Log) -> None:
    for most, types in product((1, 7, 2000), (TYPES, TYPES[1:2], ("evt.render.nothing.like_it.v1",))):
        await as_a_domain(log, most, types)
    assert await log.history.head() == 300


async def as_a_domain(log: Log, most: int, types: tuple[str, ...]) -> None:
    found: list[Recorded] = []
    after = 3
    while after < 297:
        page = await log.history.read(after, 297, types, most=most)
        assert after < page.reached <= 297 and len(page.events) <= most
        assert all(after < event.position <= page.reached for event in page.events)
        found += page.events
        after = page.reached
    wanted = [event for event in log.events if 3 < event.position <= 297 and event.type in types]
    assert [(event.position, event.event_id, event.body, event.time) for event in found] == [
        (event.position, event.event_id, event.body, event.time) for event in wanted
    ]


async def test_replay_reads_it_and_checks_its_chain(log: Log) -> None:
    async with log.db.transaction():
        positions = [record[0] async for records in recorded(log.db, log.store) for record in records]
        assert positions == list(range(1, 301))
        assert await chain_breaks(log.db, log.store) == []


@pytest.mark.parametrize("tenant", EVERYBODY, ids=str)
async def test_the_edge_reads_a_tenants_part_of_it_page_by_page(log: Log, tenant: UUID) -> None:
    if await log.db.fetchval("select exists (select from log.archives where format = 1)"):
        with pytest.raises(Refused) as refused:
            await log.page(tenant, 0, 5)
        assert refused.value.problem.code == "unavailable.archive"
        return
    for most, prefix in product((1, 7, 1000), ("", "render.", "studio.saved_project", "nothing")):
        await as_an_edge(log, tenant, most, prefix)


async def as_an_edge(log: Log, tenant: UUID, most: int, prefix: str) -> None:
    log.store.ranges.clear()
    rows: list[Any] = []
    behind: int | None = 0
    while behind is not None:
        page = await log.page(tenant, behind, most, prefix)
        assert len(page.rows) <= most and (page.reached is None or page.reached > behind)
        rows += page.rows
        behind = page.reached
    types = public_types(prefix)
    wanted = [event for event in log.events if event.tenant_id == tenant and event.type in types]
    assert [(row["position"], row["event_id"], row["hash"], row["body"]) for row in rows] == [
        (event.position, event.event_id, event.hash, event.body) for event in wanted
    ]
    pieces = await log.db.fetch(
        'select a.object_key, r."offset", r.bytes from log.ranges r join log.archives a on a.first = r.run where r.tenant_id = $1', tenant
    )
    assert set(log.store.ranges) <= {tuple(piece) for piece in pieces}, "more than the tenant's own pieces were read"


async def test_no_tenant_learns_where_anothers_pieces_lie(log: Log) -> None:
    edge = await asyncpg.connect(log.dsn, user="edge_ro", password=PASSWORD)
    try:
        assert await edge.fetch("select * from read.log_ranges") == []
        await edge.execute(f"set app.tenants = '{OTHER}'")
        assert {row["tenant_id"] for row in await edge.fetch("select * from read.log_ranges")} <= {OTHER}
        for table in ("log.ranges", "log.archives", "log.parts", "log.events", "log.events_1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await edge.fetch(f"select * from {table}")
    finally:
        await edge.close()


async def test_an_archive_that_was_changed_is_told_by_every_reader(log: Log) -> None:
    run = await log.db.fetchrow("select * from log.archives order by first limit 1")
    if run is None:
        pytest.skip("nothing is archived")
    data = await log.store.get(run["object_key"], 10**9)
    await log.store.put(run["object_key"], bytes([data[0], data[1], data[2] ^ 1]) + data[3:])
    try:
        with pytest.raises(LogDamaged, match="changed"):
            await listed(read(log.db, store=log.store))
        with pytest.raises(LogDamaged):
            await chain_breaks(log.db, log.store)
        with pytest.raises(HistoryDamaged):
            await History(log.history._pool, log.store).read(0, 5, TYPES)
        with pytest.raises(Refused):
            await log.page(TENANTS[0], 0, 5)
        with pytest.raises(LogDamaged, match="object storage is needed"):
            await listed(read(log.db))
    finally:
        await log.store.put(run["object_key"], data)
