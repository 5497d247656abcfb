"""Compares event tables of two databases: a hash of each, and where that differs, the rows."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import asyncpg
import msgspec

import sql
from consumers.runtime.replay.report import Difference, TableReport
from consumers.runtime.table import Table
from contracts.visibility import told

q = sql.load("runtime")
PREFETCH = 2000
Hashes = dict[Table[Any], tuple[int, str]]
Both = tuple[asyncpg.Connection, asyncpg.Connection]  # live, replayed
# The text of a row depends on these; both sides get the same.
SETTINGS = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set extra_float_digits = 1; set bytea_output = 'hex'"


async def hashes(conn: asyncpg.Connection, tables: Iterable[Table[Any]]) -> Hashes:
    """Each table's number of rows and SHA-256; the connection serves all tenants."""
    await conn.execute(SETTINGS)
    return {table: await _hash(conn, table) for table in tables}


async def _hash(conn: asyncpg.Connection, table: Table[Any]) -> tuple[int, str]:
    """Hashed here: PostgreSQL needs three times as long to make a text of each row and hash it, without a library's fast SHA-256."""
    digest = hashlib.sha256()

    async def add(part: bytes) -> None:
        digest.update(part)

    copied = await conn.copy_from_query(_on(q.table_content, table), output=add, format="binary")
    return int(copied.removeprefix("COPY ")), digest.hexdigest()


async def compare(both: Both, ours: Hashes, theirs: Hashes, *, first: int) -> tuple[TableReport, ...]:
    """A report for each table with the `first` differences; `both` stand in the transactions in which the hashes were made."""
    reports = []
    for table, (live_rows, live_hash) in ours.items():
        replayed_rows, replayed_hash = theirs[table]
        report = TableReport(
            table=table.name, live_rows=live_rows, replayed_rows=replayed_rows, live_hash=live_hash, replayed_hash=replayed_hash
        )
        reports.append(report if report.equal else await _detailed(both, table, report, first))
    return tuple(reports)


async def _detailed(both: Both, table: Table[Any], plain: TableReport, first: int) -> TableReport:
    counts = {"changed": 0, "missing": 0, "extra": 0}
    chosen: list[tuple[str, str]] = []
    async for kind, key in _differing(both, table):
        counts[kind] += 1
        if len(chosen) < first:
            chosen.append((kind, key))
    keys = [key for _, key in chosen]
    there, should = [await _rows(conn, table, keys) for conn in both]
    found = tuple(_difference(table, kind, key, there.get(key, {}), should.get(key, {})) for kind, key in chosen)
    return msgspec.structs.replace(plain, differences=found, **counts)


def _difference(table: Table[Any], kind: Any, key: str, live: dict[str, Any], replayed: dict[str, Any]) -> Difference:
    differing = [name for name in live if live[name] != replayed[name]] if kind == "changed" else []
    columns = {name: (told(table.row, name, live[name]), told(table.row, name, replayed[name])) for name in differing}
    return Difference(table=table.name, key=dict(zip(("tenant_id", *table.key), json.loads(key), strict=True)), kind=kind, columns=columns)


async def _rows(conn: asyncpg.Connection, table: Table[Any], keys: list[str]) -> dict[str, dict[str, Any]]:
    """Rows by key; fractions stay text, so that what differs in the text of a row differs here."""
    return {row["key"]: json.loads(row["row"], parse_float=str) for row in await conn.fetch(_on(q.rows_named, table), keys)}


async def _differing(both: Both, table: Table[Any]) -> AsyncIterator[tuple[str, str]]:
    """Merge both tables' row hashes by key."""
    ours, theirs = (aiter(conn.cursor(_on(q.row_hashes, table), prefetch=PREFETCH)) for conn in both)
    one, other = await anext(ours, None), await anext(theirs, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one["key"] < other["key"]):
            yield "extra", one["key"]
            one = await anext(ours, None)
        elif other is not None and (one is None or other["key"] < one["key"]):
            yield "missing", other["key"]
            other = await anext(theirs, None)
        elif one is not None and other is not None:
            if one["hash"] != other["hash"]:
                yield "changed", one["key"]
            one, other = await anext(ours, None), await anext(theirs, None)


def _on(statement: str, table: Table[Any]) -> str:
    key = ", ".join(f"t.{name}" for name in ("tenant_id", *table.key))
    return statement.replace("{table}", table.name).replace("{key}", key)
