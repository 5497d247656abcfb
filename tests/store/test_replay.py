"""Replay against a real database: equal after a realistic history, and exact about whatever is not what the log says."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from consumers.log import LogDamaged
from consumers.runtime.replay import Projector, TableReport, compare, hashes
from consumers.runtime.replay import projector as projecting
from consumers.runtime.table import Table
from contracts.identity.api_keys import CreateApiKey
from contracts.message import encode, masked, type_of
from contracts.visibility import Visibility, visibility
from deploy.domains import all_domains
from deploy.local.servers import Servers
from deploy.replay import PREFIX, recorded, replay_into, scratch_database, snapshot, spans, verify
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains
from tests.support.logs import archive, parts_of
from tests.support.password import PASSWORD
from tests.support.sample_history import SampleHistory, sha

TABLES = {table.name: table for domain in all_domains() for table in domain.tables}
FIRST = "ctid = (select min(ctid) from {table})"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def history(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """A sample history over a database of its own, its events in the log."""
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as in_process:
        await SampleHistory(in_process, tenants=2, jobs=2, seconds=4.0).tell()
        await in_process.sequence()
        yield in_process


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def replayed(history: InProcessDomains) -> AsyncIterator[asyncpg.Connection]:
    """The scratch database of that history, still there."""
    async with scratch_database(history.dsn, list(TABLES.values())) as scratch:
        async with snapshot(history.dsn) as (live, _):
            _, problems = await replay_into(at_hand(scratch), live, all_domains())
        assert not problems
        yield scratch


def at_hand(conn: asyncpg.Connection) -> asyncio.Future[asyncpg.Connection]:
    """A connection that need not be waited for."""
    future: asyncio.Future[asyncpg.Connection] = asyncio.get_running_loop().create_future()
    future.set_result(conn)
    return future


async def compared(history: InProcessDomains, replayed: asyncpg.Connection, table: Table) -> TableReport:
    """One table's report, as the administrator's open transaction sees the live side."""
    async with replayed.transaction():
        ours, theirs = await hashes(history.admin, [table]), await hashes(replayed, [table])
        return (await compare((history.admin, replayed), ours, theirs, first=5))[0]


async def scratches(in_process: InProcessDomains) -> list[str]:
    return [
        row["datname"] for row in await in_process.admin.fetch("select datname from pg_database where starts_with(datname, $1)", PREFIX)
    ]


async def test_a_scratch_database_that_a_killed_replay_left_is_removed_by_the_next(history: InProcessDomains) -> None:
    left = f"{PREFIX}left"
    await history.admin.execute(f"create database {left}")
    await verify(history.dsn)
    assert left not in await scratches(history)


async def test_what_is_closed_in_one_event_stands_in_nothing_that_is_told_of_another(history: InProcessDomains) -> None:
    closed = {value for _, event in history.events for value in _closed(event)}
    assert len(closed) > 50
    told = [masked(type_of(event).full_name)(encode(event)).decode() for _, event in history.events if type_of(event).public]
    assert told and [(value, text) for text in told for value in closed if value in text] == []


def _closed(value: object) -> Iterator[str]:
    """The texts in fields that say that they are not public."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            held = getattr(value, field.name)
            if visibility(field.type) in (None, Visibility.PUBLIC):
                yield from _closed(held)
            elif isinstance(held, str) and held:
                yield held
    elif isinstance(value, tuple):
        for item in value:
            yield from _closed(item)


async def test_a_history_over_all_domains_is_replayed_to_equal_tables(history: InProcessDomains) -> None:
    report = await verify(history.dsn)
    assert report.equal, (report.problems, report.differences)
    assert report.events == len(history.events) and report.unsequenced == 0
    assert {table.table for table in report.tables if table.live_rows} == set(TABLES), "the history has to fill every event table"


async def test_two_replays_give_the_same_hashes(history: InProcessDomains) -> None:
    before = await scratches(history)
    one, other = await verify(history.dsn), await verify(history.dsn)
    assert [t.replayed_hash for t in one.tables] == [t.replayed_hash for t in other.tables]
    assert await scratches(history) == before


@pytest.mark.parametrize("name", TABLES)
async def test_a_changed_row_is_named_with_key_and_column(history: InProcessDomains, replayed: asyncpg.Connection, name: str) -> None:
    table = TABLES[name]
    change = history.admin.transaction()
    await change.start()
    try:
        where = FIRST.format(table=name)
        row = await history.admin.fetchrow(f"update {name} set version = version + 7 where {where} returning *")
        report = await compared(history, replayed, table)
    finally:
        await change.rollback()
    assert (report.changed, report.missing, report.extra) == (1, 0, 0)
    found = report.differences[0]
    assert (found.table, found.kind, found.columns) == (name, "changed", {"version": (row["version"], row["version"] - 7)})
    assert found.key == {column: plain(row[column]) for column in ("tenant_id", *table.key)}
    assert str(row["tenant_id"]) in str(found) and "version" in str(found)


@pytest.mark.parametrize("name", TABLES)
async def test_a_deleted_row_and_an_invented_one_are_named(history: InProcessDomains, replayed: asyncpg.Connection, name: str) -> None:
    table = TABLES[name]
    change = history.admin.transaction()
    await change.start()
    try:
        await history.admin.execute("set local session_replication_role = replica")
        row = await history.admin.fetchrow(f"select * from {name} where {FIRST.format(table=name)}")
        values = dict(row) | {"tenant_id": uuid4()}
        await history.admin.execute(f"delete from {name} where {FIRST.format(table=name)}")
        marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await history.admin.execute(f"insert into {name} ({', '.join(values)}) values ({marks})", *values.values())
        report = await compared(history, replayed, table)
    finally:
        await change.rollback()
    assert (report.changed, report.missing, report.extra) == (0, 1, 1)
    kinds = {found.kind: found.key["tenant_id"] for found in report.differences}
    assert kinds == {"missing": str(row["tenant_id"]), "extra": str(values["tenant_id"])}


async def test_a_changed_value_inside_json_is_found(history: InProcessDomains, replayed: asyncpg.Connection) -> None:
    change = history.admin.transaction()
    await change.start()
    try:
        await history.admin.execute("""update render.render_jobs set metadata = jsonb_set(metadata, '{price}', '1.51')""")
        report = await compared(history, replayed, TABLES["render.render_jobs"])
    finally:
        await change.rollback()
    assert {tuple(found.columns) for found in report.differences} == {("metadata",)}


async def test_a_committed_change_makes_the_whole_verification_fail(history: InProcessDomains) -> None:
    await history.admin.execute("update render.exports set bytes = bytes + 1 where " + FIRST.format(table="render.exports"))
    try:
        report = await verify(history.dsn)
    finally:
        await history.admin.execute("update render.exports set bytes = bytes - 1 where bytes > 1000000000")
    assert not report.equal and not report.problems
    assert [(found.table, tuple(found.columns)) for found in report.differences] == [("render.exports", ("bytes",))]


async def test_a_tampered_body_breaks_the_chain_at_its_position(history: InProcessDomains) -> None:
    position, body = await history.admin.fetchrow(
        "select position, body from log.events where type = 'evt.identity.tenant.created.v1' limit 1"
    )
    await history.admin.execute("update log.events set body = replace(body, 'tenant', 'Tenant') where position = $1", position)
    try:
        report = await verify(history.dsn)
    finally:
        await history.admin.execute("update log.events set body = $2 where position = $1", position, body)
    assert len(report.problems) == 1 and f"position {position}:" in report.problems[0]
    assert [tuple(found.columns) for found in report.differences] == [("name",)]


async def test_a_body_that_no_table_can_hold_is_told_and_all_else_is_compared(history: InProcessDomains) -> None:
    position, body = await history.admin.fetchrow(
        "select position, body from log.events where type = 'evt.identity.tenant.created.v1' limit 1"
    )
    wrong = body.replace('"render_weight":1,', '"render_weight":-1,')
    await history.admin.execute("update log.events set body = $2 where position = $1", position, wrong)
    try:
        report = await verify(history.dsn)
    finally:
        await history.admin.execute("update log.events set body = $2 where position = $1", position, body)
    assert wrong != body and any("tenants_render_weight" in problem for problem in report.problems)
    both = [("identity.tenants", "extra"), ("render.tenant_shares", "extra")]  # the farm's copy takes it from the same event
    assert sorted((found.table, found.kind) for found in report.differences) == both


async def test_an_event_that_is_gone_is_told_by_its_position(history: InProcessDomains) -> None:
    row = await history.admin.fetchrow("delete from log.events where position = (select max(position) - 5 from log.events) returning *")
    try:
        report = await verify(history.dsn)
    finally:
        marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await history.admin.execute(f"insert into log.events values ({marks})", *row)
    assert f"position {row['position']} is missing" in report.problems[0]


async def test_a_type_that_no_domain_knows_is_told(history: InProcessDomains) -> None:
    without_render = [domain for domain in all_domains() if domain.name != "render"]
    report = await verify(history.dsn, without_render)
    assert any("evt.render.job.submitted.v1" in problem and "no domain writes" in problem for problem in report.problems)
    assert not report.differences


async def test_events_that_are_not_sequenced_yet_are_replayed_too(history: InProcessDomains) -> None:
    tenant = await history.tenant()
    await history.send(CreateApiKey(name="k", scopes=("*",), secret_sha256=sha(tenant), hint="h"), tenant)
    report = await verify(history.dsn)
    await history.sequence()
    assert report.equal and report.unsequenced == 2


async def test_rows_that_were_let_go_are_loaded_again(history: InProcessDomains, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "WRITE_EVERY", 25)
    async with scratch_database(history.dsn, list(TABLES.values())) as scratch, snapshot(history.dsn) as (live, other):
        async with Projector(at_hand(scratch), all_domains(), await spans(live, all_domains()), most_rows=30) as projector:
            async for records in recorded(live, None):
                for start in range(0, len(records), 10):
                    await projector.take(records[start : start + 10])
        assert not projector.problems
        async with scratch.transaction():
            ours, theirs = await hashes(other, TABLES.values()), await hashes(scratch, TABLES.values())
    assert ours == theirs


async def test_a_log_that_begins_in_archives_is_replayed_from_them(servers: Servers) -> None:
    async with (
        migrated(servers.pg_admin_dsn) as dsn,
        InProcessDomains(dsn) as in_process,
        ObjectStore(servers.s3_url, "replay-tests", servers.s3_access_key, servers.s3_secret_key) as store,
    ):
        await store.ensure_bucket()
        await parts_of(in_process.admin, 6, 3)
        await SampleHistory(in_process, tenants=3, jobs=1, seconds=2.0).begin()
        head = await in_process.sequence()
        assert await archive(servers.pg_dsn("log_app", PASSWORD, dsn.rpartition("/")[2]), store, most=4, parts=2) == [1, 7]
        report = await verify(dsn, store=store)
        assert report.equal and report.events == report.head == head
        before = await scratches(in_process)
        with pytest.raises(LogDamaged, match="object storage is needed"):
            await verify(dsn)
        assert await scratches(in_process) == before


def plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else msgspec.to_builtins(value)
