"""Rows as they may have been before a stretch of the log: what the stretch says whatever was there before can be compared.

A stretch that begins in the middle does not say how rows were before. So it is projected from two beginnings that differ in every column:
the rows that are there now, and the same with other values. A column that comes out alike was written by the stretch itself; one that does
not (a count that was raised by one, a column that nothing wrote) is not judged.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.projection import change
from consumers.runtime.state import Load, Missing, State, Want
from consumers.runtime.table import Key, Table
from contracts.entity import Row
from deploy.check.stored_rows import Live, compared, name_of
from deploy.check.stretch import Known, Stretch

OTHER = UUID(int=0xC0FFEE)
Touched = tuple[Table[Any], Key]


def other(table: Table[Any], row: Row) -> Row:
    """The same row with another value in every column that can have one, but its key."""
    given = {name: _other(getattr(row, name)) for name in table.fields if name not in table.whole_key}
    return msgspec.structs.replace(row, **given)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1_000_003
    if isinstance(value, str):
        return f"{value} or other"
    if isinstance(value, UUID):
        return UUID(int=value.int ^ OTHER.int)
    if isinstance(value, datetime):
        return value + timedelta(days=366)
    if isinstance(value, tuple) and (not value or isinstance(value[0], UUID)):
        return (*value, OTHER)
    if isinstance(value, (tuple, dict)):
        return type(value)()
    return value  # nothing, or a structure: what an event makes of it is compared as it comes


class Beginning(State):
    """Rows before the stretch, made of what is there now."""

    def knows(self, table: Table[Any], row: Row) -> bool:
        return False  # a row that is there may have been made by this very event


class Stretched:
    """A stretch projected from both beginnings; `touched` are all rows that it wrote."""

    def __init__(self, of: Stretch) -> None:
        self._times = {(event.tenant_id, event.time) for event in of.all}
        self._before, self._from_the_first = of.before, of.since == 0
        self._made = {(event.tenant_id, event.aggregate) for event in of.all if event.version == 1 and event.aggregate}
        self.live: dict[Touched, Live | None] = {}
        self.same, self.other = Beginning(), Beginning()
        self.touched: dict[Touched, int] = {}  # and the place among the events of the last one
        self.unsure: set[Touched] = set()  # of which is not known whether the stretch made them
        self.failed: list[tuple[Known, str]] = []
        self.jumps: list[tuple[Known, int]] = []  # events that say another version than the ones before them make

    def take(self, events: Sequence[Known], start: int) -> list[Want]:
        """Project these; answers what has to be loaded before, and then nothing has changed."""
        marks = self.same.mark(), self.other.mark()
        touched, failed, jumps = dict(self.touched), len(self.failed), len(self.jumps)
        wants: list[Want] = []
        for number, one in enumerate(events, start):
            try:
                self._apply(one, number)
            except Missing as missing:
                wants += missing.wants
        if wants:
            for state, mark in zip((self.same, self.other), marks, strict=True):
                state.rollback(mark)
            self.touched = touched
            del self.failed[failed:], self.jumps[jumps:]
        return wants

    def load(self, load: Load, there: dict[Key, Live]) -> None:
        """Take what is there now as the beginning."""
        table, columns, keys = load
        if columns == table.key:
            self.live |= {(table, key): there.get(key) for key in keys if (table, key) not in self.live}
        self.live |= {(table, key): live for key, live in there.items() if (table, key) not in self.live}
        before = [live.row for live in there.values() if self._was_there(table, live.row)]
        self.same._take(table, columns, keys, before)
        self.other._take(table, columns, keys, [other(table, row) for row in before])

    def pass_over(self, table: Table[Any], keys: Iterable[Key]) -> None:
        """Rows of which all is told already."""
        self.unsure.update((table, key) for key in keys)

    @property
    def unseen(self) -> list[Want]:
        """Rows that were written without a look at what was there, so that they have to be compared yet."""
        return [(table, table.key, key) for table, key in self.touched if (table, key) not in self.live]

    def _was_there(self, table: Table[Any], row: Row) -> bool:
        key = table.key_of(row)
        moment = (row.tenant_id, row.created_at)
        if self._from_the_first or (row.tenant_id, name_of(table, key)) in self._made:
            return False
        if moment in self._times and moment in self._before:
            self.unsure.add((table, key))
        return moment not in self._times

    def _apply(self, one: Known, number: int) -> None:
        write, event, envelope, _ = one
        mark = self.same.mark()
        try:
            same = change(write, event, envelope, self.same.view(envelope.tenant))
        except Missing:
            raise
        except Exception as error:  # what is wrong with rows or log shows in a projection as anything
            self.same.rollback(mark)
            self.failed.append((one, f"{type(error).__name__}: {error}"))
            return
        different = self._differently(one, same)
        self._set_version(one, same, different)
        for table, row in same:
            self.touched[table, table.key_of(row)] = number

    def _differently(self, one: Known, same: list[tuple[Table[Any], Row]]) -> list[tuple[Table[Any], Row]]:
        write, event, envelope, _ = one
        mark = self.other.mark()
        try:
            different = change(write, event, envelope, self.other.view(envelope.tenant))
        except Missing:
            raise
        except Exception:  # it leans on what was there before: nothing of it is judged
            self.other.rollback(mark)
            different = []
        there = {(table, table.key_of(row)) for table, row in different}
        for table, row in same:
            if (table, table.key_of(row)) not in there:
                self.other.view(envelope.tenant).put(table, other(table, row))
        return different

    def _set_version(self, one: Known, same: list[tuple[Table[Any], Row]], different: list[tuple[Table[Any], Row]]) -> None:
        """The event says which version its first row has by it."""
        *_, envelope, recorded = one
        if not same or not recorded.aggregate:
            return
        (table, first), known = same[0], different[0][1].version if different else None
        if name_of(table, table.key_of(first)) != recorded.aggregate:
            return
        if known == first.version != recorded.version and (table, table.key_of(first)) not in self.unsure:
            self.jumps.append((one, first.version))
        self._shift(self.same, envelope.tenant, same, recorded.version)
        self._shift(self.other, envelope.tenant, different, recorded.version)

    def _shift(self, state: State, tenant: UUID, rows: Iterable[tuple[Table[Any], Row]], version: int) -> None:
        given = list(rows)
        if not given:
            return
        table, first = given[0]
        key, by = table.key_of(first), version - first.version
        for one, row in given if by else ():
            if one is table and table.key_of(row) == key:
                state.view(tenant).put(table, msgspec.structs.replace(row, version=row.version + by))

    def differing(self) -> dict[Touched, dict[str, tuple[Any, Any]]]:
        """Rows that are not as the stretch left them: each column with what is there and what the stretch says; without columns: no row."""
        found: dict[Touched, dict[str, tuple[Any, Any]]] = {}
        for table, key in self.touched:
            if (table, key) in self.unsure:
                continue
            live = self.live.get((table, key))
            says, differently = self.same.get(table, key), self.other.get(table, key)
            assert says is not None and differently is not None, "what was put is there"
            if live is None:
                found[table, key] = {}
            elif columns := compared(table, live, says, differently):
                found[table, key] = columns
        return found
