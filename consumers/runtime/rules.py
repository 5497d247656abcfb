"""What deciders ask of every entity alike: whether a row is there and living, and whether what is unique is free."""

from typing import Any

from consumers.runtime.domain import Refusal, not_unique, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import Entity, R


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


def _entity_of(table: Table[R]) -> Entity[R]:
    if table.entity is None:
        raise TypeError(f"{table} is of no entity")
    return table.entity
