"""The runtime's SQL against one domain's schema."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.runtime.array_parameters import as_parameter
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.private import parted
from consumers.runtime.state import Change, Load
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.ids import new_id

_encode = msgspec.json.Encoder().encode
Columns = list[Sequence[Any] | str]
S = TypeVar("S")
T = TypeVar("T")


def to_json(value: Any) -> str:
    """JSON text as PostgreSQL's parameters want it."""
    return _encode(value).decode()


class _Tried(Exception):
    """Takes a probe back."""


class Store:
    """One connection, one schema."""

    def __init__(self, conn: asyncpg.Connection, domain: str) -> None:
        self.conn, self.domain = conn, domain
        self.lasting = True  # whether a commit waits for the disk: what a crash of the server may lose does not
        self.among_rows = False  # whether a table's rows are being loaded or written: what fails then need not concern other commands
        self.q = SimpleNamespace(**{name: text.replace("{schema}", domain) for name, text in vars(sql.load("runtime")).items()})

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[UUID] | None) -> AsyncIterator[None]:
        """A transaction that serves these tenants; None serves all, for the runtime's own housekeeping."""
        serving = "*" if tenants is None else ",".join(sorted(str(tenant) for tenant in tenants))
        self.among_rows = False
        hasty = "" if self.lasting else "; set local synchronous_commit = off"
        await self.conn.execute(f"begin; set local app.tenants = '{serving}'{hasty}")
        try:
            yield
        except BaseException:
            await self._roll_back()
            raise
        await self.conn.execute("commit")

    async def _roll_back(self) -> None:
        try:
            if not self.conn.is_closed():
                await self.conn.execute("rollback")
        except DATABASE_AWAY:
            self.conn.terminate()

    async def fetch_rows(self, loads: Sequence[Load]) -> list[list[Row]]:
        """Load rows of several tables by one statement; raises PermissionError when one belongs to a tenant that was not asked for."""
        parameters = [given for table, columns, keys in loads for given in table.keys_given(columns, keys)]
        with self._among_rows():
            found = await self.conn.fetchrow(_loading(tuple((table, columns) for table, columns, _ in loads)), *parameters)
            return [_rows(load, text) for load, text in zip(loads, found, strict=True)]

    async def write_rows(self, changes: dict[Table[Any], list[Change]]) -> None:
        """Write every row that changed: new ones whole, of others the columns that differ; at most two statements for each event table."""
        with self._among_rows():
            for table in sorted(changes, key=lambda t: t.name):
                gone, left = parted(table, changes[table])
                if gone:
                    await self._remove(table, gone)
                new = [after for before, after in left if before is None]
                if new:
                    await self.conn.execute(table.insert_sql, *table.rows_given(new))
                if len(new) < len(left):
                    await self._update(table, [(before, after) for before, after in left if before is not None])

    async def _remove(self, table: Any, rows: list[Row]) -> None:
        keys = [table.key_of(row) for row in rows]
        await self.conn.execute(table.delete_sql(), *table.keys_given(table.key, keys))

    @contextmanager
    def _among_rows(self) -> Iterator[None]:
        self.among_rows = True
        yield
        self.among_rows = False  # not after an error, which is judged by it

    async def probe(self) -> None:
        """Try every statement of the runtime itself; nothing stays. Raises what they raise."""
        try:
            async with self.transaction(None):
                await self.conn.execute(self.q.probe, new_id())
                raise _Tried
        except _Tried:
            return

    async def _update(self, table: Table[Any], changed: list[tuple[Row, Row]]) -> None:
        names = table.differing(changed)
        if len(names) == len(table.whole_key):  # the key alone: every row was put as it was
            return
        done = await self.conn.execute(table.update_sql(names), *table.rows_given([after for _, after in changed], names))
        if done != f"UPDATE {len(changed)}":
            raise RuntimeError(f"{table}: {len(changed)} rows were to be changed, PostgreSQL says {done}")

    async def move(self, cursors: Mapping[str, int]) -> dict[str, int]:
        """Move cursors forward in the present transaction; answers where those stand then that moved."""
        if not cursors:
            return {}
        moved = await self.conn.fetch(self.q.move_cursors, list(cursors), list(cursors.values()))
        return {row["name"]: row["position"] for row in moved}

    async def keep(self, statement: str, rows: list[Any]) -> None:
        """Run one of the keep_… statements that take JSON, unless there is nothing to keep."""
        if rows:
            await self.conn.execute(statement, to_json(rows))

    async def keep_columns(self, statement: str, columns: Columns, *constants: Any) -> int:
        """Run one of the keep_… statements that take a list for each column (7 us a row less than JSON); answers how many it kept."""
        if not columns:
            return 0
        done: str = await self.conn.execute(statement, *columns, *constants)
        return int(done.rpartition(" ")[2])


@lru_cache(1000)
def _loading(of: tuple[tuple[Table[Any], tuple[str, ...]], ...]) -> str:
    """One statement that answers the rows of each table as JSON."""
    first = 1
    asked = []
    for table, columns in of:
        asked.append(f"({table.load_sql(columns, first)})")
        first += 1 + len(columns)
    return f"select {', '.join(asked)}"


def _rows(load: Load, text: str) -> list[Row]:
    table, _, keys = load
    rows: list[Row] = table.decoder.decode(text)
    asked = {key[0].int for key in keys}  # their numbers: a UUID itself is slow to look up
    for row in rows:
        if row.tenant_id.int not in asked:
            raise PermissionError(f"{table}: a row of tenant {row.tenant_id} came back for {[UUID(int=tenant) for tenant in asked]}")
    return rows


def columns(rows: Iterable[tuple[Any, ...]], types: Sequence[str]) -> Columns:
    """Rows as one parameter for each column, of these types; empty without rows."""
    return list(map(as_parameter, types, zip(*rows, strict=True)))


async def meanwhile(statement: Coroutine[Any, Any, S], work: Callable[[], T]) -> tuple[S, T]:
    """Do some work while PostgreSQL is at a statement; answers both results. Raises the statement's error before the work's."""
    running = asyncio.ensure_future(statement)
    await asyncio.sleep(0)  # lets it be sent
    try:
        done = work()
    except BaseException:
        await running
        raise
    return await running, done
