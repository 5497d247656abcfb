"""What deciders ask of every entity alike: whether a row is there and living, and whether what is unique is free."""

from collections.abc import Iterable
from typing import Any

from consumers.runtime.domain import Refusal, not_unique, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import Entity, R
from contracts.message import Command


def living(view: View, table: Table[R], *key: Any) -> R | None:
    """The row under a key, or None where there is none, or it is over."""
    row = view.get(table, *key)
    return None if row is None or table.is_over(row) else row


def missing(table: Table[Any], *key: Any) -> Refusal:
    """What a command is told that names what is not there, or not any more."""
    thing = _entity_of(table).thing
    return refuse(f"{thing}.not_found", f"there is no {thing.replace('_', ' ')} {'/'.join(map(str, key))}", table.key[-1])


def taken(view: View, table: Table[Any], **given: Any) -> Refusal | None:
    """The refusal where a living row has these values already; None where they are free. The columns must be declared unique together."""
    if tuple(given) not in _entity_of(table).unique:
        raise ValueError(f"{table} does not say that {', '.join(given)} is unique")
    if all(map(table.is_over, view.where(table, **given))):
        return None
    return Refusal(not_unique(_entity_of(table), tuple(given)))


def unexpected(cmd: Command, if_match: str, tables: Iterable[Table[Any]], view: View) -> Refusal | None:
    """The refusal of a command that is for another version of its row than there is (RFC 9110, 13.1.1).

    `if_match` is that of the envelope. Of tables with the same key the first holds the thing itself; what is not there its decider tells.
    """
    name, _, versions = if_match.partition("=")
    table = next((one for one in tables if one.key == (name,)), None)
    row = view.get(table, getattr(cmd, name)) if table is not None else None
    if row is None or str(row.version) in versions.split(","):
        return None
    detail = f"it is at version {row.version}, the request is for {versions or 'another one'}; read it again, and decide on what it is now"
    return refuse("request.precondition", detail, "If-Match")


def _entity_of(table: Table[R]) -> Entity[R]:
    if table.entity is None:
        raise TypeError(f"{table} is of no entity")
    return table.entity
