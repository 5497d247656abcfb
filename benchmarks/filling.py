"""Rows as years would have made them: by the database itself, whole tables at once, in the order of time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

SPAN = timedelta(days=30)  # over which the rows of a table came
_COLUMNS = """
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as filled
    from pg_attribute a where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
    order by a.attnum
"""
_PLAIN = {
    "uuid": "gen_random_uuid()",
    "text": "''",
    "jsonb": "'[]'",
    "boolean": "false",
    "integer": "1",
    "bigint": "1",
    "double precision": "1",
    "timestamp with time zone": "at",
}
Given = dict[str, str]


async def fill(conn: asyncpg.Connection, table: str, tenant: UUID, rows: int, began: datetime, given: Given) -> None:
    """Put so many rows into a table, as a superuser without foreign keys.

    `given` are columns' values as SQL, over `n`, the row's number from 1 on, and `at`, its moment; of all others, what may be null is
    null, and the rest empty.
    """
    columns = await conn.fetch(_COLUMNS, table)
    values = [_value(column, tenant, given) for column in columns]
    names = ", ".join(f'"{column["name"]}"' for column in columns)
    seconds = (SPAN / max(1, rows)).total_seconds()
    numbers = f"select n, '{began.isoformat()}'::timestamptz + n * interval '{seconds} seconds' as at from generate_series(1, {rows}) n"
    await conn.execute(f"insert into {table} ({names}) select {', '.join(values)} from ({numbers}) r")


def _value(column: Any, tenant: UUID, given: Given) -> str:
    name, type = column["name"], column["type"]
    if name in given:
        return f"({given[name]})::{type}"
    if name == "tenant_id":
        return f"'{tenant}'::uuid"
    return f"{_PLAIN.get(type, 'null') if column['filled'] else 'null'}::{type}"


async def without_checks(conn: asyncpg.Connection) -> None:
    """Let this session write rows whose foreign keys point nowhere."""
    await conn.execute("set session_replication_role = replica")


def literal(value: Any) -> str:
    """A parameter as SQL, for `execute`."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "'{" + ",".join(map(str, value)) + "}'"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return "'" + text.replace("'", "''") + "'"
