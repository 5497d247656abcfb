"""State outside the log: rows that a domain owns, that no event holds and no replay makes, and that can be erased.

A password's hash, a session, a one-time code, an address: what may not be in a chained log for ever lies in a private table. A decider
reads it like any other, and says beside its events what becomes of it; both are written in one transaction. Projections and folds cannot
see it, so that a replay makes the same rows without it. What is erased is gone; the log never had it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

import msgspec

from consumers.runtime.state import Change, View
from consumers.runtime.table import Key, Table
from contracts.entity import R, Row


class PrivateTable(Table[R]):
    """A table of kind `private`. `whose` is the column that says whose a row is: all of somebody's rows can be erased by it.

    Its rows are locked when they are loaded: retention removes what is over beside the domain's batches.
    """

    def __init__(self, name: str, row: type[R], key: tuple[str, ...], *, whose: str, indexes: tuple[tuple[str, ...], ...] = ()) -> None:
        by_person = () if key == (whose,) else ((whose,),)
        super().__init__(name, row, key, tuple(dict.fromkeys((*by_person, *indexes))), locked=True)
        self.whose = whose

    def rows_of(self, view: View, person: Any) -> list[R]:
        """Everything that it has of somebody."""
        if self.key != (self.whose,):
            return view.where(self, **{self.whose: person})
        row = view.get(self, person)
        return [] if row is None else [row]

    def delete_sql(self) -> str:
        """Remove the rows of these keys, given as a list for each of the key's columns."""
        found = " and ".join(f"t.{name} = k.{name}" for name in self.whole_key)
        return f"delete from {self.name} t using {self._lists(self.whole_key)} as k({', '.join(self.whole_key)}) where {found}"


class Keep(msgspec.Struct, Generic[R], frozen=True):
    """A private row is as this one from now on; its version and moments are the runtime's to set."""

    table: PrivateTable[R]
    row: R


class Erase(msgspec.Struct, frozen=True):
    """A private row is no more; one that is not there is no error. `key` is without the tenant."""

    table: PrivateTable[Any]
    key: Key


PrivateChange = Keep[Any] | Erase


def everything_of(view: View, person: Any, tables: Iterable[PrivateTable[Any]]) -> list[Erase]:
    """Erases all that these tables have of somebody."""
    return [Erase(table, table.key_of(row)[1:]) for table in tables for row in table.rows_of(view, person)]


def keep(changes: Iterable[PrivateChange], view: View, now: datetime) -> None:
    """Have a decision's private rows written with its batch. Raises what View raises: Missing for a row that is not loaded yet."""
    for change in changes:
        if isinstance(change, Erase):
            if view.get(change.table, *change.key) is not None:
                view.drop(change.table, *change.key)
        else:
            view.put(change.table, _stamped(change.row, view.get(change.table, *change.table.key_of(change.row)[1:]), now))


def _stamped(row: Row, before: Row | None, now: datetime) -> Row:
    if before is None:
        return msgspec.structs.replace(row, version=1, created_at=now, updated_at=now)
    return msgspec.structs.replace(row, version=before.version + 1, created_at=before.created_at, updated_at=now)


class Projecting(View):
    """The view of projections and folds of a domain that has private tables: they raise TypeError there, as a replay lacks them."""

    __slots__ = ()

    def of(self, tenant: UUID) -> "Projecting":
        return Projecting(self._state, tenant)

    def get(self, table: Table[R], *key: Any) -> R | None:
        _refuse_private(table)
        return View.get(self, table, *key)

    def many(self, table: Table[R], keys: Iterable[tuple[Any, ...]]) -> list[R | None]:
        _refuse_private(table)
        return View.many(self, table, keys)

    def where(self, table: Table[R], **given: Any) -> list[R]:
        _refuse_private(table)
        return View.where(self, table, **given)

    def knows(self, table: Table[Any], row: Row) -> bool:
        _refuse_private(table)
        return View.knows(self, table, row)

    def put(self, table: Table[Any], row: Row) -> None:
        _refuse_private(table)
        View.put(self, table, row)


def projecting(has_private: Iterable[Any]) -> type[View]:
    """How projections look at rows: of who has no private tables, nothing has to be watched for."""
    return Projecting if any(has_private) else View


def _refuse_private(table: Table[Any]) -> None:
    if isinstance(table, PrivateTable):
        raise TypeError(f"{table} is private: what is projected would not be what a replay makes of the log")


def parted(table: Table[Any], changes: list[Change]) -> tuple[list[Row], list[Change]]:
    """The rows that were erased, and the other changes; only private tables lose rows."""
    if not isinstance(table, PrivateTable):
        return [], changes
    gone = [before for before, after in changes if before is not None and after is None]
    return gone, [change for change in changes if change[1] is not None]
