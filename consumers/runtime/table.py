"""Tables: the typed side of what the migrations declare, and the statements that follow from it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, Literal, Self, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from consumers.runtime.array_parameters import IN_TEXT, as_parameter
from contracts.entity import Entity, R, Row

Key = tuple[Any, ...]


def _tenant_alone(row: Row) -> Key:
    return (row.tenant_id,)


def _with_tenant(columns: Sequence[str]) -> tuple[str, ...]:
    return ("tenant_id", *columns)


JSON = "json"
_SQL_TYPES = {UUID: "uuid", str: "text", int: "bigint", float: "float8", bool: "boolean", datetime: "timestamptz"}
_encode = msgspec.json.Encoder().encode


def living_sql(entity: Entity[Any]) -> str:
    """Which rows are living, in the words of the partial indexes that the planner is to use."""
    return f"state not in ({', '.join(map(repr, entity.over))})"


def _type_of(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return _SQL_TYPES[type(get_args(hint)[0])]
    if get_origin(hint) in (Union, UnionType):  # a scalar or None
        one = [part for part in get_args(hint) if part is not NoneType]
        return _type_of(one[0]) if len(one) == 1 else JSON
    return _SQL_TYPES.get(hint, JSON)


class Table(Generic[R]):
    """An event table; `key` and every index leave the tenant out, which always comes first.

    `locked`: a work table, whose rows others than the holder of the domain's lock write as well: loading one locks it.
    """

    def __init__(
        self, name: str, row: type[R], key: tuple[str, ...], indexes: tuple[tuple[str, ...], ...] = (), *, locked: bool = False
    ) -> None:
        self.name, self.row, self.key, self.indexes = name, row, key, indexes
        self._lock = " for update of t" if locked else ""
        self.fields = row.__struct_fields__
        self._updates: dict[tuple[str, ...], str] = {}
        self.whole_key = _with_tenant(key)
        self._key_of = attrgetter(*self.whole_key) if key else _tenant_alone

        self.entity: Entity[R] | None = None

    @classmethod
    def of(cls, entity: Entity[R], *, locked: bool = False) -> Self:
        """The table of an entity; what is unique is an index, of living rows alone."""
        table = cls(entity.table, entity.row, entity.key, (*entity.indexes, *entity.unique), locked=locked)
        table.entity = entity
        return table

    def __repr__(self) -> str:
        return self.name

    def is_over(self, row: Row) -> bool:
        """Whether nobody sees this row any more."""
        return self.entity is not None and getattr(row, "state", None) in self.entity.over

    def key_of(self, row: Row) -> Key:
        """The row's key, tenant first."""
        values: Key = self._key_of(row)
        return values

    @cached_property
    def types(self) -> dict[str, str]:
        """PostgreSQL's type of each column."""
        return {name: _type_of(hint) for name, hint in get_type_hints(self.row).items()}

    @cached_property
    def json_fields(self) -> tuple[str, ...]:
        """The columns that are kept as JSON documents."""
        return tuple(name for name in self.fields if self.types[name] == JSON)

    def load_sql(self, columns: tuple[str, ...], first: int = 1) -> str:
        """Load all rows whose tenant and `columns` are in the given lists, one for each, from parameter `first` on; answers one JSON text.

        Without a lock: whoever loads holds the domain's, so nobody else writes its event tables, and a row's lock is a write of its own.
        """
        given = _with_tenant(columns)
        living = f" where {living_sql(self.entity)}" if self.entity and self.entity.over and columns in self.entity.unique else ""
        return (
            f"select coalesce(json_agg(x), '[]')::text from (select t.* from {self.name} t"
            f" join {self._lists(given, first)} as k({', '.join(given)}) using ({', '.join(given)}){living}{self._lock}) x"
        )

    @cached_property
    def insert_sql(self) -> str:
        """Write new rows, given as a list for each column; one that is there is an error."""
        columns = ", ".join(self.fields)
        values = ", ".join(map(self._value, self.fields))
        return f"insert into {self.name} ({columns}) select {values} from {self._lists(self.fields)} as r({columns})"

    @cached_property
    def upsert_sql(self) -> str:
        """The same for rows that may be there; the key's columns are never changed (replay)."""
        sets = ", ".join(f"{name} = excluded.{name}" for name in self.fields if name not in self.whole_key)
        return f"{self.insert_sql} on conflict ({', '.join(self.whole_key)}) do update set {sets}"

    def _lists(self, names: Sequence[str], first: int = 1) -> str:
        """Measured against one JSON parameter for all rows: some 7 us a row less."""
        given = (f"text::{type}[]" if (type := self.types[name]) in IN_TEXT else "text[]" for name in names)
        return f"unnest({', '.join(f'${number}::{type}' for number, type in enumerate(given, first))})"

    def keys_given(self, columns: Sequence[str], keys: Iterable[Key]) -> list[Any]:
        """The parameters of `load_sql`."""
        names = _with_tenant(columns)
        return [as_parameter(self.types[name], values) for name, values in zip(names, zip(*keys, strict=True), strict=True)]

    def rows_given(self, rows: Sequence[Row], names: Sequence[str] = ()) -> list[Any]:
        """The parameters of `insert_sql`, or of `update_sql` for these columns."""
        return [as_parameter(self.types[name], self._column(name, rows)) for name in (names or self.fields)]

    def _column(self, name: str, rows: Sequence[Row]) -> list[Any]:
        values = list(map(attrgetter(name), rows))
        return [_encode(value).decode() for value in values] if self.types[name] == JSON else values

    def differing(self, changes: Iterable[tuple[Row, Row]]) -> tuple[str, ...]:
        """The key and every column in which one of these rows changed, in the table's order."""
        found = {self.fields.index(name) for name in self.whole_key}
        for before, after in changes:
            found.update(number for number, (old, new) in enumerate(zip(astuple(before), astuple(after), strict=True)) if old is not new)
        return tuple(self.fields[number] for number in sorted(found))

    def update_sql(self, names: tuple[str, ...]) -> str:
        """Write these columns of rows that are there, given as a list for each; the key is among them."""
        if names not in self._updates:
            sets = ", ".join(f"{name} = {self._value(name, 'r.')}" for name in names if name not in self.whole_key)
            found = " and ".join(f"t.{name} = r.{name}" for name in self.whole_key)
            self._updates[names] = f"update {self.name} t set {sets} from {self._lists(names)} as r({', '.join(names)}) where {found}"
        return self._updates[names]

    def _value(self, name: str, of: str = "") -> str:
        return f"{of}{name}::jsonb" if self.types[name] == JSON else f"{of}{name}"

    @cached_property
    def values_of(self) -> Callable[[Row], tuple[Any, ...]]:
        """How a row becomes its columns' values: what is no scalar is kept as JSON text."""
        nested = [self.fields.index(name) for name in self.json_fields]
        if not nested:
            return astuple

        def values(row: Row) -> tuple[Any, ...]:
            found = list(astuple(row))
            for number in nested:
                found[number] = _encode(found[number]).decode()
            return tuple(found)

        return values

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[list[R]]:
        """Reads what load_sql answers."""
        return msgspec.json.Decoder(list[self.row])  # type: ignore[name-defined]
