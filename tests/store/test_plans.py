"""Rows are loaded by an index whatever the planner knows of a table: it plans once, often while the table is still small."""

import asyncpg
import pytest

import sql
from consumers.runtime.table import Table
from contracts.domains import DOMAINS
from deploy.consume import session
from deploy.domains import domain_named

LOADS = [(table, columns) for name in DOMAINS for table in domain_named(name).tables for columns in (table.key, *table.indexes)]


async def plan_of(database: str, statement: str, parameters: int, after: str) -> str:
    """The generic plan of a statement in a service's session, after another statement."""
    conn = await asyncpg.connect(database, server_settings=session("test"))
    try:
        await conn.execute(after)
        await conn.execute(f"set plan_cache_mode = force_generic_plan; prepare asked as {statement}")
        rows = await conn.fetch(f"explain (costs off) execute asked({', '.join(['null'] * parameters)})")
    finally:
        await conn.close()
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(("table", "columns"), LOADS, ids=lambda value: str(value) if isinstance(value, Table) else "-".join(value))
async def test_a_small_tables_plan_for_loading_rows_uses_an_index(database: str, table: Table, columns: tuple[str, ...]) -> None:
    # Only now does the planner believe that it is small.
    plan = await plan_of(database, table.load_sql(columns), 1 + len(columns), f"vacuum analyze {table.name}")
    assert f"Seq Scan on {table.name.partition('.')[2]}" not in plan, plan
    assert "Index" in plan


@pytest.mark.parametrize("table", sorted({table for table, _ in LOADS}, key=str), ids=str)
async def test_changed_rows_are_found_by_their_key(database: str, table: Table) -> None:
    plan = await plan_of(database, table.update_sql(table.fields), len(table.fields), f"vacuum analyze {table.name}")
    assert "Index Scan using" in plan and "Seq Scan on" not in plan, plan


@pytest.mark.parametrize(("area", "name", "parameters"), [("check", "operations", 2), ("runtime", "quarantined", 1)])
async def test_what_was_decided_lately_and_what_waits_is_found_without_a_look_at_all_operations(
    database: str, area: str, name: str, parameters: int
) -> None:
    statement = getattr(sql.load(area), name).replace("{schema}", "content")
    plan = await plan_of(database, statement, parameters, "vacuum analyze content.inbox")
    assert "Seq Scan" not in plan and "inbox_quarantined" in plan and ("inbox_decided" in plan) == (area == "check"), plan


async def test_a_key_is_looked_for_by_an_index_in_every_domains_inbox(database: str) -> None:
    conn = await asyncpg.connect(database)
    try:
        await conn.execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan; set role edge_ro")
        await conn.execute(f"prepare asked(uuid, text, uuid) as {sql.load('read').operations_of_key.rstrip().rstrip(';')}")
        rows = await conn.fetch("explain (costs off) execute asked(null, null, null)")
    finally:
        await conn.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan, plan
    assert plan.count("inbox_key") == plan.count("inbox_pkey") == len(DOMAINS), plan
