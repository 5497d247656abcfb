"""Rows are loaded by an index whatever the planner knows of a table: it plans once, often while the table is still small."""

import asyncpg
import pytest

import sql
from consumers.runtime.table import Table
from contracts.audit import DOMAINS
from deploy.consume import domain_named, session

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


async def test_the_segments_of_a_lease_are_found_by_both_ends_of_its_run(database: str) -> None:
    """A bound that only filters reads the job to its end: what an assignment costs would grow with what waits."""
    plan = await plan_of(database, sql.load("render").part_segments, 5, "set role render_app")
    bounds = next((line for line in plan.splitlines() if "Index Cond" in line and "idx" in line), plan)
    assert "idx >= k.first" in bounds and "idx < k.stop" in bounds, plan
