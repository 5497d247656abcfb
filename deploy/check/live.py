"""Rows as they are in the database: typed, as projections want them, and plain where a type would pass over what it does not know."""

from typing import Any

import msgspec

from consumers.runtime.table import Key, Row, Table
from contracts.ids import id_text
from deploy.check.found import Difference

MEND = "The rows' domain must not be trusted with them until that is known: find who changed the table, and put back what the log says."


class Live(msgspec.Struct, frozen=True):
    """One row."""

    row: Row
    plain: dict[str, Any]  # of the columns that hold JSON


def name_of(table: Table[Any], key: Key) -> str:
    """A row as an event's `aggregate` names it."""
    return f"{table.name}:{'/'.join(str(part) if isinstance(part, (int, str)) else id_text(part) for part in key[1:])}"


def place_of(table: Table[Any], key: Key) -> str:
    """A row, for a person."""
    return f"{name_of(table, key)} of tenant {key[0]}"


def readable(table: Table[Any], text: str) -> tuple[dict[Key, Live], dict[Key, Difference]]:
    """The rows of a JSON text by their keys; and those that this release cannot read."""
    found: dict[Key, Live] = {}
    wrong: dict[Key, Difference] = {}
    given = msgspec.json.decode(text)
    for plain in given:
        try:
            row = table.decoder.decode(msgspec.json.encode([plain]))[0]
        except msgspec.ValidationError as error:
            key = _key(table, plain)
            expected = "a row that this release can read"
            wrong[key] = Difference(name="rows", place=place_of(table, key), expected=expected, found=str(error), remedy=MEND)
        else:
            found[table.key_of(row)] = Live(row, {name: plain[name] for name in table.json_fields})
    return found, wrong


def _key(table: Table[Any], plain: dict[str, Any]) -> Key:
    """The key of a row that cannot be read as a whole."""
    types = {field.name: field.type for field in msgspec.structs.fields(table.row)}
    return tuple(msgspec.convert(plain[name], types[name]) for name in table.whole_key)


def compared(table: Table[Any], live: Live, says: Row, differently: Row | None = None) -> dict[str, tuple[Any, Any]]:
    """The columns in which a row is not what it should be; of those, where two answers are given, only the ones that agree."""
    there, said = _columns(table, live.row) | live.plain, _columns(table, says)
    found = {name: (there[name], said[name]) for name in table.fields if there[name] != said[name]}
    if differently is None or not found:
        return found
    alike = _columns(table, differently)
    return {name: values for name, values in found.items() if alike[name] == values[1]}


def _columns(table: Table[Any], row: Row) -> dict[str, Any]:
    """A row's columns as JSON has them."""
    columns: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return columns
