"""Rows as they are in the database: typed, as projections want them, and plain where a type would pass over what it does not know."""

from typing import Any

import msgspec

from consumers.runtime.table import Key, Table
from contracts.entity import Row
from contracts.ids import id_text
from deploy.check.differences import Difference

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
    given = msgspec.json.decode(text) if table.json_fields else None
    try:
        rows = table.decoder.decode(text)
    except msgspec.ValidationError:
        return _one_by_one(table, msgspec.json.decode(text))
    if given is None:
        return {table.key_of(row): Live(row, {}) for row in rows}, {}
    return {table.key_of(row): Live(row, _plain(table, plain)) for row, plain in zip(rows, given, strict=True)}, {}


def _one_by_one(table: Table[Any], given: list[dict[str, Any]]) -> tuple[dict[Key, Live], dict[Key, Difference]]:
    found: dict[Key, Live] = {}
    wrong: dict[Key, Difference] = {}
    for plain in given:
        try:
            row = table.decoder.decode(msgspec.json.encode([plain]))[0]
        except msgspec.ValidationError as error:
            key = _key(table, plain)
            expected = "a row that this release can read"
            wrong[key] = Difference(name="rows", place=place_of(table, key), expected=expected, found=str(error), remedy=MEND)
        else:
            found[table.key_of(row)] = Live(row, _plain(table, plain))
    return found, wrong


def _plain(table: Table[Any], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in table.json_fields}


def _key(table: Table[Any], plain: dict[str, Any]) -> Key:
    """The key of a row that cannot be read as a whole."""
    types = {field.name: field.type for field in msgspec.structs.fields(table.row)}
    return tuple(msgspec.convert(plain[name], types[name]) for name in table.whole_key)


def compared(table: Table[Any], live: Live, says: Row, differently: Row | None = None) -> dict[str, tuple[Any, Any]]:
    """The columns in which a row is not what it should be; of those, where two answers are given, only the ones that agree."""
    if live.row == says and live.plain == {name: _as_json(getattr(says, name)) for name in live.plain}:
        return {}
    there, said = _as_json(live.row) | live.plain, _as_json(says)
    found = {name: (there[name], said[name]) for name in table.fields if there[name] != said[name]}
    if differently is None or not found:
        return found
    alike = _as_json(differently)
    return {name: values for name, values in found.items() if alike[name] == values[1]}


def _as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
