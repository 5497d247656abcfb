"""The rows a batch works on. Asking for a row that is not loaded raises Missing; the batch loads all that is missing and decides again."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from consumers.runtime.table import Key, Table
from contracts.entity import R, Row

Want = tuple[Table[Any], tuple[str, ...], Key]
Load = tuple[Table[Any], tuple[str, ...], list[Key]]
Change = tuple[Row | None, Any]  # a row before (None: new, or not known) and after (None: erased, of private tables alone)
T = TypeVar("T")
_UNKNOWN: Any = object()  # in the journal: the row was put before anybody knew what the table holds


class Missing(Exception):
    """Not loaded yet; `wants` says what."""

    def __init__(self, wants: list[Want]) -> None:
        super().__init__(wants)
        self.wants = wants


class State:
    """All rows of one batch, over all its tenants, with a journal so that one command's changes can be taken back."""

    def __init__(self) -> None:
        self.minted: set[UUID] = set()  # ids that this batch made: no row of the database has one, so none is looked for
        self._rows: dict[Table[Any], dict[Key, Row | None]] = {}
        self._sets: dict[tuple[Table[Any], tuple[str, ...]], dict[Key, set[Key]]] = {}
        self._journal: list[tuple[Table[Any], Key, Row | None]] = []

    def view(self, tenant: UUID) -> "View":
        """The rows of one tenant, which is all that its commands can see."""
        return View(self, tenant)

    def get(self, table: Table[R], key: Key) -> R | None:
        try:
            return self._rows[table][key]  # type: ignore[return-value]
        except KeyError:
            if key[-1] in self.minted:
                return None
            raise Missing([(table, table.key, key)]) from None

    def many(self, table: Table[R], keys: list[Key]) -> list[R | None]:
        rows = self._rows.get(table, {})
        absent = [key for key in keys if key not in rows]
        if absent:
            raise Missing([(table, table.key, key) for key in absent])
        return [rows[key] for key in keys]  # type: ignore[misc]

    def where(self, table: Table[R], columns: tuple[str, ...], key: Key) -> list[R]:
        try:
            keys = self._sets[table, columns][key]
        except KeyError:
            raise Missing([(table, columns, key)]) from None
        rows = self._rows[table]
        found = [row for k in keys if (row := rows.get(k)) is not None]
        return sorted(found, key=table.key_of) if len(found) > 1 else found  # type: ignore[arg-type,return-value]

    def need(self, wants: Iterable[Want]) -> None:
        absent = [want for want in wants if not self._is_known(*want)]
        if absent:
            raise Missing(absent)

    def _is_known(self, table: Table[Any], columns: tuple[str, ...], key: Key) -> bool:
        if columns != table.key:
            return key in self._sets.get((table, columns), ())
        return key in self._rows.get(table, ()) or key[-1] in self.minted

    def knows(self, table: Table[Any], row: Row) -> bool:
        """Whether a row of this key is known to be there."""
        return self._rows.get(table, {}).get(table.key_of(row)) is not None

    def put(self, table: Table[Any], row: Row) -> None:
        """Set a row's new state; it is written when the batch commits."""
        key = table.key_of(row)
        rows = self._rows.setdefault(table, {})
        old = rows.get(key, _UNKNOWN)
        self._journal.append((table, key, old))
        if table.indexes:
            self._index(table, key, old, row)
        rows[key] = row

    def drop(self, table: Table[Any], key: Key) -> None:
        """A row that is loaded is no more; it is removed when the batch commits."""
        rows = self._rows[table]
        self._journal.append((table, key, rows[key]))
        self._index(table, key, rows[key], None)
        rows[key] = None

    def mark(self) -> int:
        """A point to roll back to."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Take back every put since the mark."""
        while len(self._journal) > mark:
            table, key, old = self._journal.pop()
            rows = self._rows[table]
            self._index(table, key, rows[key], old)
            if old is _UNKNOWN:
                del rows[key]
            else:
                rows[key] = old

    def changes(self) -> dict[Table[Any], list[Change]]:
        """What every row that was put and not taken back was before and is now, by table."""
        before: dict[Table[Any], dict[Key, Row | None]] = {}
        for table, key, old in self._journal:
            before.setdefault(table, {}).setdefault(key, None if old is _UNKNOWN else old)
        return {table: [(old, self._rows[table][key]) for key, old in rows.items()] for table, rows in before.items()}  # type: ignore[misc]

    def changed(self) -> dict[Table[Any], list[Row]]:
        """The last states of these rows alone."""
        return {table: [row for _, row in rows] for table, rows in self.changes().items()}

    def _index(self, table: Table[Any], key: Key, old: Row | None, new: Row | None) -> None:
        for columns in table.indexes:
            sets = self._sets.get((table, columns))
            if not sets:
                continue
            for row, change in ((old, set.discard), (new, set.add)):
                if row is not None and row is not _UNKNOWN:
                    group = (row.tenant_id, *(getattr(row, name) for name in columns))
                    if group in sets:
                        change(sets[group], key)

    async def load(self, wants: Iterable[Want], fetch: Callable[[Sequence[Load]], Awaitable[list[list[Row]]]]) -> None:
        """Load everything that is wanted in one go, tables in name order."""
        grouped: dict[tuple[Table[Any], tuple[str, ...]], dict[Key, None]] = {}
        for table, columns, key in wants:
            grouped.setdefault((table, columns), {})[key] = None
        loads = [(*of, list(keys)) for of, keys in sorted(grouped.items(), key=lambda item: (item[0][0].name, item[0][1]))]
        for load, rows in zip(loads, await fetch(loads) if loads else [], strict=True):
            self._take(*load, rows)

    def _take(self, table: Table[Any], columns: tuple[str, ...], keys: list[Key], found: list[Row]) -> None:
        rows = self._rows.setdefault(table, {})
        for row in found:
            rows.setdefault(table.key_of(row), row)
        if columns == table.key:
            for key in keys:
                rows.setdefault(key, None)
            return
        sets = self._sets.setdefault((table, columns), {})
        for key in keys:
            sets.setdefault(key, set())
        for held in rows.values():
            if held is not None:
                group = (held.tenant_id, *(getattr(held, name) for name in columns))
                if group in sets:
                    sets[group].add(table.key_of(held))


class View:
    """One tenant's rows."""

    __slots__ = ("_state", "tenant")

    def __init__(self, state: State, tenant: UUID) -> None:
        self._state, self.tenant = state, tenant

    def of(self, tenant: UUID) -> "View":
        """Another tenant's rows: the platform's, for a node's registration."""
        return View(self._state, tenant)

    def need(self, *wants: Want) -> None:
        """Have several tables' rows loaded in one round; the wants come from `at` and `group`. A decider may do without: it saves time."""
        self._state.need(wants)

    def at(self, table: Table[Any], *key: Any) -> Want:
        """What `get` would ask for."""
        return table, table.key, (self.tenant, *key)

    def group(self, table: Table[Any], **given: Any) -> Want:
        """What `where` would ask for."""
        return table, tuple(given), (self.tenant, *given.values())

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row under a key, or None."""
        return self._state.get(table, (self.tenant, *key))

    def many(self, table: Table[R], keys: Iterable[tuple[Any, ...]]) -> list[R | None]:
        """The rows under many keys, in order; loaded together."""
        return self._state.many(table, [(self.tenant, *key) for key in keys])

    def where(self, table: Table[R], **given: Any) -> list[R]:
        """All rows with these values; the columns must be one of the table's indexes, in its order."""
        columns = tuple(given)
        if columns not in table.indexes:
            raise ValueError(f"{table} has no index on {columns}; declare it")
        return self._state.where(table, columns, (self.tenant, *given.values()))

    def knows(self, table: Table[Any], row: Row) -> bool:
        """Whether a row of this key is known to be there; one that was not asked for is not."""
        return self._state.knows(table, row)

    def put(self, table: Table[Any], row: Row) -> None:
        """Set a row's new state (projections, and what a decision keeps). Raises ValueError for a row of another tenant."""
        if row.tenant_id.int != self.tenant.int:
            raise ValueError(f"{table}: a row of tenant {row.tenant_id} in a view of {self.tenant}")
        self._state.put(table, row)

    def drop(self, table: Table[Any], *key: Any) -> None:
        """A row that was asked for is no more (private tables only)."""
        self._state.drop(table, (self.tenant, *key))
