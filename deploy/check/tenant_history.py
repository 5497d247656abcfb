"""A tenant's whole history projected in memory: how each of its rows must be. Projections read rows of their event's tenant alone."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

import sql
from consumers.log import LogEvent
from consumers.runtime.domain import Domain
from consumers.runtime.projection import change
from consumers.runtime.replay.held import Held
from consumers.runtime.replay.projector import Spans
from consumers.runtime.table import Key, Table
from contracts.entity import Row
from contracts.visibility import told
from deploy.check.differences import Difference
from deploy.check.stored_rows import MEND, Live, compared, name_of, place_of, readable
from deploy.check.stretch import known, named

_q = sql.load("check")
GONE = "An event is missing from the log, or was changed: look what the domain's file of that time says, and compare with a backup."


class Exact:
    """All rows of one tenant, as its events make them."""

    def __init__(self, domains: Sequence[Domain], spans: Spans) -> None:
        self._domains, self._spans = domains, spans
        self._held = Held()
        self.written: dict[tuple[Table[Any], Key], LogEvent] = {}  # by which event last
        self.differences: list[Difference] = []

    async def take(self, history: AsyncIterator[Sequence[LogEvent]]) -> "Exact":
        """Project all of it."""
        async for events in history:
            ready, wrong = known(self._domains, events, self._spans)
            self.differences += wrong
            for write, event, envelope, recorded in ready:
                try:
                    self._note(change(write, event, envelope, self._held.view(envelope.tenant)), recorded)
                except Exception as error:  # whatever a damaged log does to a projection is a finding, not the end
                    why = f"it cannot: {type(error).__name__}: {error}"
                    self._differs("events", named(recorded), "that it applies to what was before", why, GONE)
        return self

    def _note(self, rows: list[tuple[Table[Any], Row]], recorded: LogEvent) -> None:
        for number, (table, row) in enumerate(rows):
            key = table.key_of(row)
            self.written[table, key] = recorded
            if not number and name_of(table, key) == recorded.aggregate and row.version != recorded.version:
                said = f"that it makes {recorded.aggregate} of version {recorded.version}, as it says"
                self._differs("events", named(recorded), said, f"version {row.version} by the events before it", GONE)

    def compare(self, table: Table[Any], key: Key, live: Live | None) -> None:
        """Compare one row that may be there."""
        says = self._held.get(table, key)
        if says is None and live is None:
            return
        place = place_of(table, key)
        if live is not None and says is None:
            self._differs("rows", place, "no such row: no event made it", f"one of version {live.row.version}")
        elif live is None:
            self._differs("rows", place, f"the row that {named(self.written[table, key])} left", "none")
        elif says is not None and (columns := compared(table, live, says)):
            expected = ", ".join(f"{name} {_short(told(table.row, name, said))}" for name, (_, said) in columns.items())
            found = ", ".join(f"{name} {_short(told(table.row, name, there))}" for name, (there, _) in columns.items())
            self._differs("rows", place, f"{expected}, as {named(self.written[table, key])} left it", found)

    async def compare_all(self, conn: asyncpg.Connection, tenant: UUID, tables: Iterable[Table[Any]]) -> int:
        """Compare every row that the tenant has, or should have; answers how many."""
        count = 0
        for table in tables:
            text = await conn.fetchval(_q.rows_of.replace("{table}", table.name), tenant)
            there, wrong = readable(table, text)
            self.differences += wrong.values()
            keys = ({key for of, key in self.written if of is table} | there.keys()) - wrong.keys()
            for key in keys:
                self.compare(table, key, there.get(key))
            count += len(keys)
        return count

    def _differs(self, name: str, place: str, expected: str, found: str, remedy: str = MEND) -> None:
        self.differences.append(Difference(name=name, place=place, expected=expected, found=found, remedy=remedy))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:80]} … {text[-30:]}"
