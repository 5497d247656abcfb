"""docs/reference/tables.md: every table with its kind, meaning, columns and rules, as a migrated database has them."""

from typing import Any

import asyncpg

from consumers.runtime.retention_rules import RUNTIME
from contracts.domains import DOMAINS, LOG
from deploy.references.sources import HEAD, table

_RUNTIME = tuple(rule.table for rule in RUNTIME)
_ABOUT = f"""# Tables

{HEAD}
Kinds: an **event** table is written by projections only and rebuilt by replay; a **work** table belongs to one owner and can be rebuilt;
**telemetry** holds samples that may be lost; **log** is the log itself; **private** is what may not be in the log:
its domain alone reads it, no replay makes it, its rows can be erased. Every table with a tenant has forced row-level security by
the setting `app.tenants`.
"""
_TABLES = """
select c.oid, n.nspname as schema, c.relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as comment
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v') and not c.relispartition and n.nspname = $1 order by c.relname
"""
_COLUMNS = """
select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required
from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped order by attnum
"""
_RULES = """
select conname as name, pg_get_constraintdef(oid) as rule from pg_constraint
where conrelid = $1 and contype in ('p', 'u', 'f', 'c') order by contype = 'p' desc, conname
"""


async def document(conn: asyncpg.Connection) -> str:
    """The whole text."""
    parts = [_ABOUT, "## In every domain's schema\n"]
    parts += [await _table(conn, row, "<domain>") for row in await conn.fetch(_TABLES, DOMAINS[0]) if row["name"] in _RUNTIME]
    for schema in (*DOMAINS, LOG):
        parts.append(f"## {schema}\n")
        parts += [await _table(conn, row, schema) for row in await conn.fetch(_TABLES, schema) if row["name"] not in _RUNTIME]
    parts.append("## read\n\nViews: all that the edge's role may select.\n")
    parts.append(table(("view", "columns"), [await _view(conn, row) for row in await conn.fetch(_TABLES, "read")]))
    return "\n".join(parts)


async def _table(conn: asyncpg.Connection, row: Any, schema: str) -> str:
    kind, _, meaning = row["comment"].partition(": ")
    columns = await conn.fetch(_COLUMNS, row["oid"])
    rules = await conn.fetch(_RULES, row["oid"])
    said = "".join(f"- `{rule['name']}`: `{rule['rule'].replace(f'{DOMAINS[0]}.', f'{schema}.')}`\n" for rule in rules)
    shown = table(("column", "type", ""), [(f"`{c['name']}`", c["type"], "" if c["required"] else "may be null") for c in columns])
    return f"### `{schema}.{row['name']}`\n\n**{kind}**: {meaning}.\n\n{shown}\n{said}"


async def _view(conn: asyncpg.Connection, row: Any) -> tuple[str, str]:
    columns = await conn.fetch(_COLUMNS, row["oid"])
    return f"`read.{row['name']}`", ", ".join(f"`{column['name']}`" for column in columns)
