"""Rows and tables: the typed side of what the migrations declare, and the statements that follow from it."""

from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_type_hints
from uuid import UUID

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every event table has: the tenant, a count of the events that changed the row, and when they happened."""

    tenant_id: UUID
    version: int = 0
    created_at: datetime
    updated_at: datetime


R = TypeVar("R", bound=Row)
Key = tuple[Any, ...]


def _tenant_alone(row: Row) -> Key:
    return (row.tenant_id,)


_SQL_TYPES = {UUID: "uuid", str: "text", int: "bigint"}


class Table(Generic[R]):
    """An event table; `key` and every index leave the tenant out, which always comes first."""

    def __init__(self, name: str, row: type[R], key: tuple[str, ...], indexes: tuple[tuple[str, ...], ...] = ()) -> None:
        self.name, self.row, self.key, self.indexes = name, row, key, indexes
        self.fields = row.__struct_fields__
        self._key_of = attrgetter("tenant_id", *key) if key else _tenant_alone

    def __repr__(self) -> str:
        return self.name

    def key_of(self, row: Row) -> Key:
        """The row's key, tenant first."""
        values: Key = self._key_of(row)
        return values

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.row)

    def load_sql(self, columns: tuple[str, ...]) -> str:
        """Load and lock, in key order, all rows whose `columns` are in a JSON list of objects; answers one JSON text."""
        given = ("tenant_id", *columns)
        typed = ", ".join(f"{name} {_SQL_TYPES[self._hints[name]]}" for name in given)
        order = ", ".join(f"t.{name}" for name in ("tenant_id", *self.key))
        return (
            f"select coalesce(json_agg(x), '[]')::text from (select t.* from {self.name} t"
            f" join json_to_recordset($1::json) as k({typed}) using ({', '.join(given)}) order by {order} for update of t) x"
        )

    @cached_property
    def upsert_sql(self) -> str:
        """Write the last state of every row in a JSON list; the key's columns are never changed."""
        key = ("tenant_id", *self.key)
        sets = ", ".join(f"{name} = excluded.{name}" for name in self.fields if name not in key)
        columns = ", ".join(self.fields)
        return (
            f"insert into {self.name} ({columns}) select {columns} from json_populate_recordset(null::{self.name}, $1::json)"
            f" on conflict ({', '.join(key)}) do update set {sets}"
        )

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[list[R]]:
        """Reads what load_sql answers."""
        return msgspec.json.Decoder(list[self.row])  # type: ignore[name-defined]
