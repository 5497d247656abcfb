"""From events to rows, by declaration: the same way in memory for the next command, in SQL for the table, and at replay."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.ids import id_text
from contracts.message import Event

Write = Callable[[Any, Envelope, View], Iterable[tuple[Table[Any], Row]]]


@cache
def _shared(event: type[Event], table: Table[Any]) -> tuple[str, ...]:
    return tuple(name for name in event.__struct_fields__ if name in table.fields)


def shared(event: Event, table: Table[Any]) -> dict[str, Any]:
    """The event's fields that are columns of the table under the same names."""
    return {name: getattr(event, name) for name in _shared(type(event), table)}


def fresh(table: Table[Any], envelope: Envelope, values: dict[str, Any]) -> Row:
    """A row's first state."""
    row: Row = table.row(tenant_id=envelope.tenant, version=1, created_at=envelope.time, updated_at=envelope.time, **values)
    return row


def moved(row: Row, envelope: Envelope, **values: Any) -> Row:
    """A row's next state."""
    return msgspec.structs.replace(row, version=row.version + 1, updated_at=envelope.time, **values)


class RowExists(Exception):
    """What would be created is there already."""


def _checked(table: Table[Any], constants: dict[str, Any]) -> None:
    """No type checker sees what is written into which column: TypeError for a column that is not there, or a word that it never holds."""
    hints = get_type_hints(table.row)
    for name, value in constants.items():
        if name not in hints or (get_origin(hints[name]) is Literal and value not in get_args(hints[name])):
            raise TypeError(f"{table}: {name} is never {value!r}")


def create(table: Table[Any], **constants: Any) -> Write:
    """The event is a new row's first state: its fields of the same name, and constants. Raises RowExists where one is known to be there."""
    _checked(table, constants)

    def write(event: Event, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
        yield table, _absent(view, table, fresh(table, envelope, {**shared(event, table), **constants}))

    return write


def upsert(table: Table[Any], **constants: Any) -> Write:
    """The event's fields become the row's fields of the same name; a row that is not there is made."""
    _checked(table, constants)

    def write(event: Event, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
        values = {**shared(event, table), **constants}
        row = view.get(table, *(values[name] for name in table.key))
        yield table, fresh(table, envelope, values) if row is None else moved(row, envelope, **values)

    return write


def _absent(view: View, table: Table[Any], row: Row) -> Row:
    # Of what was not loaded, the table's key tells when it is written.
    if view.knows(table, row):
        raise RowExists(f"{table} has a row {'/'.join(map(_in_text, table.key_of(row)[1:]))} already")
    return row


def together(*writes: Write) -> Write:
    """The event changes several tables."""

    def write(event: Event, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
        for one in writes:
            yield from one(event, envelope, view)

    return write


def nothing(event: Event, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The event is for the log alone."""
    return ()


def change(write: Write, event: Event, envelope: Envelope, view: View) -> list[tuple[Table[Any], Row]]:
    """Apply one event to the rows; answers what was put. Nothing is changed when a row is Missing."""
    rows = list(write(event, envelope, view))
    for table, row in rows:
        view.put(table, row)
    return rows


def project(write: Write, event: Event, envelope: Envelope, view: View) -> tuple[str, int]:
    """Apply one event to the rows; answers the first row's name and version. Nothing is changed when a row is Missing."""
    rows = change(write, event, envelope, view)
    if not rows:
        return "", 0
    table, row = rows[0]
    return f"{table.name}:{'/'.join(map(_in_text, table.key_of(row)[1:]))}", row.version


def _in_text(part: Any) -> str:
    return id_text(part) if isinstance(part, UUID) else str(part)
