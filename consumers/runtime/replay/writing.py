"""Writes replayed rows: new ones by COPY, which costs the server a quarter of an upsert from JSON, changed ones by upsert."""

import types
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from msgspec.structs import astuple

from consumers.runtime.store import to_json
from consumers.runtime.table import Row, Table

Changes = dict[Table[Any], tuple[list[Row], list[Row]]]  # new rows and changed ones
SCALARS = {UUID, str, int, float, bool, datetime, types.NoneType}
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, TypeError, OverflowError)


class Writer:
    """One connection to the tables being filled; `say` is told of every row that they refuse."""

    def __init__(self, conn: asyncpg.Connection, say: Callable[[str], None]) -> None:
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
        plain = _columns(table)
        try:
            await self._conn.copy_records_to_table(name, schema_name=schema, columns=table.fields, records=map(plain, rows))
        except REFUSED:
            await self._upsert(table, rows)

    async def _upsert(self, table: Table[Any], rows: list[Row]) -> None:
        """Halve down to each row that is refused."""
        try:
            await self._conn.execute(table.upsert_sql, to_json(rows))
        except REFUSED as error:
            if len(rows) == 1:
                self._say(f"{table} {'/'.join(map(str, table.key_of(rows[0])))}: what the log says cannot be stored: {error}")
                return
            half = len(rows) // 2
            await self._upsert(table, rows[:half])
            await self._upsert(table, rows[half:])


@cache
def _columns(table: Table[Any]) -> Callable[[Row], tuple[Any, ...]]:
    """How a row becomes its columns' values: what is no scalar is kept as JSON text."""
    hints = typing.get_type_hints(table.row)
    nested = [number for number, name in enumerate(table.fields) if not _is_scalar(hints[name])]
    if not nested:
        return astuple

    def values(row: Row) -> tuple[Any, ...]:
        found = list(astuple(row))
        for number in nested:
            found[number] = to_json(found[number])
        return tuple(found)

    return values


def _is_scalar(hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return True
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return all(_is_scalar(part) for part in typing.get_args(hint))
    return hint in SCALARS
