"""Cursors of lists: opaque to clients, the ordering columns of the last row to us."""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from api_edge.errors import Refused
from api_edge.http.texts import unholdable
from api_edge.routing import Row

DEFAULT_LIMIT, MOST = 50, 500
_BEGINNING: dict[Any, Any] = {datetime: datetime(9999, 12, 31, tzinfo=UTC), UUID: UUID(int=0), str: "", int: -1}
"""Before the first row of every list: what has a moment comes newest first, all else in its own order."""


def make(query: str, epoch: int, keyset: tuple[str, ...], row: Row) -> str:
    """The cursor behind a row of a list, in an epoch of the log: what a restore took away is not to be continued."""
    values = [_text(row[column]) for column in keyset]
    return base64.urlsafe_b64encode(msgspec.json.encode([_name(query, epoch), *values])).rstrip(b"=").decode()


def read(text: str, query: str, epoch: int, kinds: tuple[Any, ...]) -> list[Any]:
    """The ordering values in a cursor, as `kinds` says. Raises Refused for one of another list or of nobody's making."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, *values = msgspec.json.decode(raw, type=list[str | int])
        held = not any(unholdable(value) for value in values if isinstance(value, str))
        if name != _name(query, epoch) or len(values) != len(kinds) or not held:
            raise ValueError("of another list")
        return [msgspec.convert(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, RecursionError):
        raise Refused("request.parameter", "This cursor is not one of this list; begin without it.", "cursor") from None


def beginning(kinds: tuple[Any, ...]) -> list[Any]:
    """The ordering values of a list's first page, so that it is asked for as every other is: by one comparison, which bounds an index."""
    return [_BEGINNING[kind] for kind in kinds]


def limit_of(text: str | None) -> int:
    """How many rows a page has, 1 to 500. Raises Refused."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise Refused("request.parameter", f"limit is a number from 1 to {MOST}.", "limit")
    return int(text)


def _name(query: str, epoch: int) -> str:
    return f"{query} {epoch}" if epoch else query


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
