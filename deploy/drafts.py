"""The DDL of an entity, drafted from its declaration: its table with checks and what is unique, its indexes, its view, its grants.

`make migration ARGS=content_categories` writes what the database lacks of all entities into the next numbered file, which a person reads,
completes and commits. Foreign keys, checks over several columns, indexes for sweeps, views with joins and renames are written by hand.
"""

import textwrap
from datetime import datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
from msgspec import inspect

from consumers.runtime.table import JSON, Table, living_sql
from contracts.entity import Entity, Row
from contracts.visibility import Visibility
from deploy.domains import all_domains

_NAMES = {JSON: "jsonb", "float8": "double precision"}
_BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
_LENGTHS = (("min_length", ">="), ("max_length", "<="))


def entities() -> list[Entity[Any]]:
    """Every entity of every domain."""
    return [table.entity for domain in all_domains() for table in domain.tables if table.entity is not None]


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    type: str
    required: bool
    fill: str  # what rows get that are there when it is added: the field's default; empty: it has none
    check: str = ""

    @property
    def text(self) -> str:
        return f"{self.type} not null" if self.required else self.type


def columns(entity: Entity[Any]) -> dict[str, Column]:
    """The table's columns by their names, in the order of the row's fields."""
    types, hints = Table.of(entity).types, get_type_hints(entity.row)
    return {
        field.name: Column(_type(field, types[field.name]), *_filled(field), _check(field, hints[field.name]))
        for field in _fields(entity.row)
    }


def constraints(entity: Entity[Any]) -> dict[str, str]:
    """The table's constraints by their names."""
    where = f" where ({living_sql(entity)})" if entity.over else ""
    checks = {f"{entity.plural}_{name}": f"check ({column.check})" for name, column in columns(entity).items() if column.check}
    # One that is deferred sees the end of a transaction, in which new rows are written before those that make room for them; and only an
    # exclusion can be both deferred and of living rows alone.
    unique = {
        entity.constraint(names): f"exclude (tenant_id with =, {', '.join(f'{name} with =' for name in names)}){where} "
        "deferrable initially deferred"
        for names in entity.unique
    }
    return checks | {f"{entity.plural}_pkey": f"primary key ({', '.join(('tenant_id', *entity.key))})"} | unique


def indexes(entity: Entity[Any]) -> dict[str, str]:
    """The table's indexes by their names, beside those of its constraints."""
    found = {}
    if entity.newest:
        (id,) = entity.key
        where = f" where {living_sql(entity)}" if entity.over else ""
        found[f"{entity.plural}_newest"] = f"(tenant_id, created_at desc, {id} desc){where}"
    for names in entity.indexes:
        if entity.key[: len(names)] != names:  # what begins the key is found by it
            found[f"{entity.plural}_by_{'_'.join(names)}"] = f"(tenant_id, {', '.join(names)})"
    return found


def view(entity: Entity[Any]) -> str:
    """What its view selects: what the edge may read, of living rows."""
    where = f" where {living_sql(entity)}" if entity.over else ""
    return textwrap.fill(f"select {', '.join(entity.fields(Visibility.INTERNAL))}", 150, subsequent_indent="    ") + (
        f"\n  from {entity.table}{where}"
    )


def new_table(entity: Entity[Any]) -> str:
    """All statements for an entity that has no table yet."""
    own, rules = columns(entity), constraints(entity)
    first = [name for name in own if name in Row.__struct_fields__]
    lines = [", ".join(f"{name} {own[name].text}" for name in first)]
    for name in (name for name in own if name not in first):
        rule = f"{entity.plural}_{name}"
        lines.append(f"{name} {own[name].text}" + (f" constraint {rule} {rules.pop(rule)}" if rule in rules else ""))
    lines += [text if name.endswith("_pkey") else f"constraint {name} {text}" for name, text in rules.items()]
    made = [f"create table {entity.table} (\n  {f',{chr(10)}  '.join(lines)});"]
    made += [f"create index {name} on {entity.table} {text};" for name, text in indexes(entity).items()]
    return "\n".join([owned(entity, made), f"select platform.guard('{entity.table}', 'event', {quoted(entity.about)});", new_view(entity)])


def new_view(entity: Entity[Any]) -> str:
    """The statements that make its view; empty where it has none, or one by hand."""
    if entity.view is None:
        return ""
    name = f"read.{entity.shown_as}"
    return f"\nset role read_owner;\ncreate view {name} as\n  {view(entity)};\ngrant select on {name} to edge_ro;\nreset role;\n"


def owned(entity: Entity[Any], statements: list[str]) -> str:
    """Statements as the domain's owner."""
    return "\n".join([f"set role {entity.domain}_owner;", *statements, "reset role;"])


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _fields(row: type[Row]) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(row)
    assert isinstance(found, inspect.StructType)
    return found.fields


def bare(kind: inspect.Type) -> inspect.Type:
    """A type without the words about it that stand around its bounds."""
    return bare(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _type(field: inspect.Field, known: str) -> str:
    kind = bare(field.type)
    numbers = isinstance(kind, inspect.LiteralType) and isinstance(kind.values[0], int)
    return "int" if numbers else _NAMES.get(known, known)


def _filled(field: inspect.Field) -> tuple[bool, str]:
    """Whether a column is never null, and what fills it where rows are there."""
    kind = bare(field.type)
    optional = isinstance(kind, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in kind.types)
    default = field.default if field.default is not msgspec.NODEFAULT else None
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if default is None:
        return not optional, ""
    if isinstance(default, str | UUID | datetime):
        return not optional, quoted(str(default))
    return not optional, str(default).lower() if isinstance(default, bool | int | float) else quoted(msgspec.json.encode(default).decode())


def _check(field: inspect.Field, hint: Any) -> str:
    """What a column may hold, as far as its type bounds it; empty for everything."""
    kind = bare(field.type)
    if isinstance(kind, inspect.UnionType):
        kind, hint = next(pair for pair in zip(kind.types, get_args(hint), strict=True) if not isinstance(pair[0], inspect.NoneType))
        kind = bare(kind)
    if isinstance(kind, inspect.LiteralType):  # in the order in which they are declared
        return f"{field.name} in ({', '.join(quoted(value) if isinstance(value, str) else str(value) for value in get_args(hint))})"
    if isinstance(kind, inspect.StrType):
        return _within(f"char_length({field.name})", kind, _LENGTHS)
    return _within(field.name, kind, _BOUNDS) if isinstance(kind, inspect.IntType | inspect.FloatType) else ""


def _within(what: str, kind: Any, bounds: tuple[tuple[str, str], ...]) -> str:
    given = [(sign, getattr(kind, name)) for name, sign in bounds if getattr(kind, name) is not None]
    if [sign for sign, _ in given] == [">=", "<="]:
        return f"{what} between {given[0][1]} and {given[1][1]}"
    return " and ".join(f"{what} {sign} {value}" for sign, value in given)
