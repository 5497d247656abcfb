"""What the edge reads costs what a page costs: every statement finds its rows by an index, whatever a tenant has and the planner knows."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from api_edge.handlers.reader import EVERY_TENANT, SESSION
from api_edge.routes import statements
from benchmarks.filling import fill, literal
from benchmarks.library import PAGE, WHOLE, WORDS, Library
from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.password import PASSWORD

ROWS = 4000  # of the large tenant in each table: what reads all of them is seen by what it reads, not by its time
MOST = 10 * PAGE  # rows that a statement may look at: pages of several branches, a row beside each
PAGES = 12  # of an index and its table that one search may read before it finds its first row
LOOKS = {"effects": 500 + MOST, "log_of_tenant": 500 + MOST, "renders": 2 * 120 + MOST}  # what was asked for, and whether it has a job
"""Statements that look at a bounded number of rows, and then say how far they came."""
STATEMENTS = sorted(set(statements()) - set(WHOLE))
Plans = dict[str, asyncpg.Connection]


@asynccontextmanager
async def edge(dsn: str, mode: str) -> AsyncIterator[asyncpg.Connection]:
    """The edge's session, in which every statement is prepared."""
    conn = await asyncpg.connect(dsn, user="edge_ro", password=PASSWORD, server_settings=SESSION | {"plan_cache_mode": mode})
    try:
        await conn.execute("select set_config('app.tenants', $1, false)", EVERY_TENANT)
        for name in STATEMENTS:
            await conn.execute(f"prepare {name} as {statements()[name]}")
        yield conn
    finally:
        await conn.close()


# Else some tables are analyzed meanwhile and others not, as luck has it, and plans that were made early are made anew.
UNWATCHED = """
    do $$ declare kept regclass; begin
      for kept in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' loop
        execute format('alter table %s set (autovacuum_enabled = off)', kept);
      end loop;
    end $$
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(servers: Servers) -> AsyncIterator[tuple[Plans, Library]]:
    """A filled database, and sessions with plans for each parameter, with one for all, and with one that was made while it was empty."""
    async with migrated(servers.pg_admin_dsn) as dsn, edge(dsn, "force_generic_plan") as early:
        admin = await asyncpg.connect(dsn)
        await admin.execute("set synchronous_commit = off")
        await admin.execute(UNWATCHED)
        library = Library(admin, ROWS)
        for name, count in await early.fetch("select name, cardinality(parameter_types) from pg_prepared_statements"):
            if name in STATEMENTS:
                await early.execute(f"explain execute {name}{_given([None] * count)}")
        await library.fill()
        await library.look_up()
        async with edge(dsn, "force_custom_plan") as custom, edge(dsn, "force_generic_plan") as generic:
            yield {"early": early, "custom": custom, "generic": generic, "admin": admin}, library
        await admin.close()


def _given(args: Any) -> str:
    return f"({', '.join(map(literal, args))})" if args else ""


def looked_at(plan: dict[str, Any]) -> Iterator[float]:
    """How many rows each scan of a table or an index has read, those that it threw away too."""
    if plan["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"):
        thrown = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        yield plan["Actual Loops"] * (plan["Actual Rows"] + thrown)
    for below in plan.get("Plans", ()):
        yield from looked_at(below)


def leafed_through(plan: dict[str, Any]) -> Iterator[str]:
    """The scans that read more pages than their rows need: an index whose first columns are not asked for is read from end to end."""
    if "Scan" in plan["Node Type"] and "Index Name" in plan:
        pages, searches = _pages(plan) - sum(map(_pages, plan.get("Plans", ()))), plan["Actual Loops"]
        rows = searches * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
        if pages > PAGES * max(1, searches) + 2 * rows:
            yield f"{plan['Index Name']}: {pages} pages for {rows:.0f} rows in {searches:.0f} searches"
    for below in plan.get("Plans", ()):
        yield from leafed_through(below)


def _pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("plans", ["custom", "generic", "early"])
async def test_a_statement_looks_at_a_page_whatever_its_tenant_has(filled: tuple[Plans, Library], name: str, plans: str) -> None:
    sessions, library = filled
    cases = [args for asked, args in library.cases() if asked == name]
    assert cases, f"say in benchmarks/library.py with what {name} is asked, or in WHOLE why it reads all there is"
    for args in cases:
        told = await sessions[plans].fetchval(f"explain (analyze, buffers, timing off, format json) execute {name}{_given(args)}")
        plan = msgspec.json.decode(told)[0]["Plan"]
        # One row is found once, whichever index was taken for it before there were any; that lasts until the table is analyzed.
        read, leafed = sum(looked_at(plan)), [] if plans == "early" and name.endswith("_by_id") else list(leafed_through(plan))
        if leafed or read > LOOKS.get(name, MOST):
            text = await sessions[plans].fetch(f"explain (analyze, timing off, costs off) execute {name}{_given(args)}")
            pytest.fail(f"{name}{args} looks at {read:,.0f} rows; {'; '.join(leafed)}\n" + "\n".join(row[0] for row in text))


async def test_a_missing_index_is_noticed(filled: tuple[Plans, Library]) -> None:
    sessions, library = filled
    (args, *_) = [args for asked, args in library.cases() if asked == "uploads"]
    damaged = sessions["admin"].transaction()
    await damaged.start()
    try:
        await sessions["admin"].execute("drop index file_mgr.upload_sessions_newest; set local enable_seqscan = off")
        told = await sessions["admin"].fetchval(f"explain (analyze, timing off, format json) {statements()['uploads']}", *args)
    finally:
        await damaged.rollback()
    assert sum(looked_at(msgspec.json.decode(told)[0]["Plan"])) >= ROWS


async def test_no_render_is_left_out_or_shown_twice_however_late_its_job_came_and_though_one_never_has_any(
    filled: tuple[Plans, Library],
) -> None:
    """Thirty are asked for, then their jobs are made, all but that of the seventh; and thirty days before, one that has none either."""
    sessions, library = filled
    tenant, admin = UUID(int=0x7E7), sessions["admin"]
    await admin.execute("set session_replication_role = replica")
    for table, more in (("studio.render_requests", {}), ("render.render_jobs", {"state": "'completed'"})):
        given = WORDS[table] | more
        since = "now() - interval '1 hour'" if table.startswith("studio") else "now()"
        at = f"{since} + (n / 3) * interval '1 millisecond'"  # three in one moment
        moments = {"created_at": at, "updated_at": at, "job_id": "lpad(n::text, 32, '0')::uuid"}
        await fill(admin, table, tenant, 30, library.began, given | moments)
    await admin.execute("delete from render.render_jobs where tenant_id = $1 and job_id = $2", tenant, UUID("7".zfill(32)))
    await fill(
        admin, "studio.render_requests", tenant, 1, library.began, WORDS["studio.render_requests"] | {"job_id": "lpad('77', 32, '0')::uuid"}
    )
    await admin.execute("reset session_replication_role")
    for state, expected in ((None, {*range(1, 31), 77}), ("queued", {7, 77}), ("completed", set(range(1, 31)) - {7})):
        for limit in (1, 2, 7, 50):
            for plans in ("custom", "early"):
                assert sorted(await paged(sessions[plans], tenant, state, limit)) == sorted(expected), (state, limit, plans)


async def paged(conn: asyncpg.Connection, tenant: UUID, state: str | None, limit: int) -> list[int]:
    """A list of renders by pages of so many, as the edge reads it."""
    at, found = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=0)), []
    while True:
        rows = await conn.fetch(f"execute renders({', '.join(map(literal, (tenant, state, *at, limit + 1)))})")
        looked = rows.pop() if rows and rows[-1]["version"] is None else None
        found += [int(row["job_id"].hex) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else looked
        if last is None:
            return found
        at = last["created_at"], last["job_id"]
