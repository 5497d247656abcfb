"""Columns of rows as parameters of a statement that unnests them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts.ids import id_text

_NULL = "NULL"
_BETWEEN = "\x1f"  # stands between texts while they are escaped all at once; few texts hold it


def _uuids(values: Sequence[Any]) -> Iterable[str]:
    return map(id_text, values)


def _times(values: Sequence[Any]) -> Iterable[str]:
    return map(datetime.isoformat, values)


def _plain(values: Sequence[Any]) -> Iterable[str]:
    return (",".join(map(str, values)).replace("None", _NULL),)


def _texts(values: Sequence[Any]) -> Iterable[str]:
    joined = _BETWEEN.join(values)
    if joined.count(_BETWEEN) == len(values) - 1:
        return (f'"{_escaped(joined).replace(_BETWEEN, _QUOTED_COMMA)}"',)
    return [f'"{_escaped(value)}"' for value in values]


_QUOTED_COMMA = '","'
_WRITE: dict[str, Callable[[Sequence[Any]], Iterable[str]]] = {
    "bigint": _plain,
    "float8": _plain,
    "boolean": _plain,
    "timestamptz": _times,
    "uuid": _uuids,
    "text": _texts,
}
IN_TEXT = frozenset(_WRITE)
"""Types whose lists go as PostgreSQL's own text: the statement casts `$1::text::bigint[]`."""


def as_parameter(type: str, values: Sequence[Any]) -> Sequence[Any] | str:
    """A column's values, None among them; other types than IN_TEXT go as they are.

    As text a number costs asyncpg 0.1 us instead of 2, a time 0.5 instead of 3.3, a UUID 0.7 and a short text 0.3 instead of 1.9 and 1.2;
    a JSON document gains nothing and costs PostgreSQL more (measured).
    """
    write = _WRITE.get(type)
    if write is None:
        return values
    if not values:
        return "{}"
    try:
        return f"{{{','.join(write(values))}}}"
    except TypeError:  # None is among them, which is not asked first: comparing UUIDs with it takes as long
        return f"{{{','.join(_NULL if value is None else ''.join(write((value,))) for value in values)}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
