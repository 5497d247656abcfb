"""Writes replayed rows: new ones by COPY, which costs the server a quarter of an upsert from JSON, changed ones by upsert."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from consumers.runtime.table import Table
from contracts.entity import Row

Changes = dict[Table[Any], tuple[list[Row], list[Row]]]  # new rows and changed ones
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, TypeError, OverflowError)


class Writer:
    """One connection to the tables being filled, as soon as it is there; `say` is told of every row that they refuse."""

    def __init__(self, conn: asyncio.Future[asyncpg.Connection], say: Callable[[str], None]) -> None:
        self._conn, self._say = conn, say

    async def write(self, changes: Changes) -> None:
        """Write all rows that can be written."""
        for table, (new, changed) in sorted(changes.items(), key=lambda entry: entry[0].name):
            if new:
                await self._copy(table, new)
            if changed:
                await self._upsert(table, changed)

    async def _copy(self, table: Table[Any], rows: list[Row]) -> None:
        schema, _, name = table.name.partition(".")
        try:
            await (await self._conn).copy_records_to_table(
                name, schema_name=schema, columns=table.fields, records=map(table.values_of, rows)
            )
        except REFUSED:
            await self._upsert(table, rows)

    async def _upsert(self, table: Table[Any], rows: list[Row]) -> None:
        """Halve down to each row that is refused."""
        try:
            await (await self._conn).execute(table.upsert_sql, *table.rows_given(rows))
        except REFUSED as error:
            if len(rows) == 1:
                self._say(f"{table} {'/'.join(map(str, table.key_of(rows[0])))}: what the log says cannot be stored: {error}")
                return
            half = len(rows) // 2
            await self._upsert(table, rows[:half])
            await self._upsert(table, rows[half:])
