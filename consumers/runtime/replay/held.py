"""The rows that a replay holds in memory: all that the log has made so far, until they are too many."""

from typing import Any

from consumers.runtime.replay.writing import Changes
from consumers.runtime.state import Missing, State
from consumers.runtime.table import Key, Table
from contracts.entity import R, Row


class Held(State):
    """A state over tables that began empty: what is not held is not there, unless rows were let go."""

    def __init__(self) -> None:
        super().__init__()
        self._partial: set[Table[Any]] = set()
        self._put: dict[Table[Any], list[tuple[Key, Row]]] = {}
        self._written: dict[Table[Any], set[Key]] = {}
        self.puts = 0  # since the last settle

    @property
    def count(self) -> int:
        """Rows in memory."""
        return sum(map(len, self._rows.values()))

    def get(self, table: Table[R], key: Key) -> R | None:
        rows = self._rows.get(table, {})
        if table in self._partial and key not in rows:
            raise Missing([(table, table.key, key)])
        return rows.get(key)  # type: ignore[return-value]

    def many(self, table: Table[R], keys: list[Key]) -> list[R | None]:
        rows = self._rows.get(table, {})
        absent = [key for key in keys if key not in rows] if table in self._partial else ()
        if absent:
            raise Missing([(table, table.key, key) for key in absent])
        return [rows.get(key) for key in keys]  # type: ignore[misc]

    def where(self, table: Table[R], columns: tuple[str, ...], key: Key) -> list[R]:
        if table not in self._partial and key not in self._sets.get((table, columns), {}):
            self._take(table, columns, [key], [])  # looks through all rows: no projection should ask often
        return super().where(table, columns, key)

    def knows(self, table: Table[Any], row: Row) -> bool:
        return False  # earlier releases wrote over a row that was created again, and their logs say so

    def put(self, table: Table[Any], row: Row) -> None:
        self.puts += 1
        if self._partial or self._sets:
            super().put(table, row)
            return
        # Nothing can be missing yet, so nothing is taken back: no journal. This runs a few times for every event.
        key = table.key_of(row)
        try:
            self._rows[table][key] = row
            self._put[table].append((key, row))
        except KeyError:
            self._rows.setdefault(table, {})[key] = row
            self._put.setdefault(table, []).append((key, row))

    def settle(self) -> Changes:
        """The last states of all rows that changed, to be written; they cannot be taken back any more."""
        changed = {table: dict(put) for table, put in self._put.items()}
        for table, rows in self.changed().items():
            changed.setdefault(table, {}).update((table.key_of(row), row) for row in rows)
        self._put.clear()
        self._journal.clear()
        self.puts = 0
        return {table: self._sorted_out(table, rows) for table, rows in changed.items()}

    def _sorted_out(self, table: Table[Any], rows: dict[Key, Row]) -> tuple[list[Row], list[Row]]:
        """New rows and those that the table has; once rows were let go nobody knows, and every row may be there."""
        if table in self._partial:
            return [], list(rows.values())
        written = self._written.setdefault(table, set())
        there = rows.keys() & written
        written.update(rows)
        return [row for key, row in rows.items() if key not in there], [rows[key] for key in there]

    def let_go(self) -> None:
        """Forget every row; all of them must have been written. What is asked for next is loaded."""
        self._partial.update(self._rows)
        self._rows.clear()
        self._written.clear()
        self._sets.clear()
