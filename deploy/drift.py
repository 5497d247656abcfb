"""What a database lacks of what its entities declare: a draft is run beside the real table, and PostgreSQL says what each of them is.

`python -m deploy.drift NAME` (`make migration ARGS=NAME`) writes it into the next numbered migration.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

import sql
from contracts.domains import DOMAINS
from contracts.entity import Entity
from deploy import drafts
from deploy.local.servers import Servers
from sql.migrate import migrate, migrations

_q = sql.load("deploy")
NAME = re.compile(r"[a-z]+(_[a-z]+)*")


class Made(msgspec.Struct, frozen=True):
    """A table as PostgreSQL describes it, in its own words; names of constraints and indexes lead to what they say."""

    columns: dict[str, str]
    constraints: dict[str, str]
    indexes: dict[str, str]
    view: str
    view_columns: tuple[str, ...]
    about: str
    grants: frozenset[str]


class Drift(msgspec.Struct, frozen=True):
    """What would bring a table to its entity's declaration, and what it has besides, which a person wrote."""

    statements: tuple[str, ...]
    besides: tuple[str, ...] = ()


async def drift_of(conn: asyncpg.Connection, entity: Entity[Any]) -> Drift:
    """Compare a table with what is drafted of its entity, as a superuser; nothing stays of it."""
    async with _taken_back(conn):
        there = await _made(conn, entity)
        if there is None:
            return Drift((drafts.new_table(entity),))
        await conn.execute("create schema drift")
        await conn.execute(f"alter table {entity.table} set schema drift")
        if there.view and entity.view is not None:
            await conn.execute(f"alter view read.{entity.shown_as} rename to drift")
        await conn.execute(drafts.new_table(entity))
        drafted = await _made(conn, entity)
        assert drafted is not None
    return Drift(tuple(_changes(entity, there, drafted)), tuple(_besides(there, drafted)))


@asynccontextmanager
async def _taken_back(conn: asyncpg.Connection) -> AsyncIterator[None]:
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def _made(conn: asyncpg.Connection, entity: Entity[Any]) -> Made | None:
    if await conn.fetchval("select to_regclass($1)", entity.table) is None:
        return None
    view = f"read.{entity.shown_as}" if entity.view is not None else None
    found = await conn.fetchrow(_q.table_as_made, entity.table, view)
    told = {name: msgspec.json.decode(found[name]) for name in ("columns", "constraints", "indexes", "view_columns", "grants")}
    # How large a whole number may be, a migration decides.
    told["columns"] = {name: kind.replace("integer", "bigint") for name, kind in told["columns"].items()}
    return msgspec.convert({**told, "view": found["view"] or "", "about": found["about"] or ""}, Made)


def _changes(entity: Entity[Any], there: Made, drafted: Made) -> list[str]:
    table = entity.table
    made = [*_new_columns(entity, there), *_new_constraints(table, there, drafted), *_new_indexes(entity, there, drafted)]
    found = [drafts.owned(entity, made)] if made else []
    for name in sorted(there.columns.keys() & drafted.columns.keys()):
        if there.columns[name] != drafted.columns[name]:
            found.append(f"-- {table}.{name} is {there.columns[name]}, and declared {drafted.columns[name]}: written by hand")
    if there.about != drafted.about:
        found.append(f"comment on table {table} is {drafts.quoted(drafted.about)};")
    if there.view != drafted.view:
        drop = f"\nset role read_owner;\ndrop view read.{entity.shown_as};\nreset role;" if there.view else ""
        appended = drafted.view_columns[: len(there.view_columns)] == there.view_columns
        text = drafts.new_view(entity)
        found.append(text.replace("create view", "create or replace view") if there.view and appended else drop + text)
    if lacking := drafted.grants - there.grants:
        found.append(f"-- {table} lacks {', '.join(sorted(lacking))}: written by hand")
    return found


def _new_columns(entity: Entity[Any], there: Made) -> Iterable[str]:
    for name, column in drafts.columns(entity).items():
        if name in there.columns:
            continue
        if column.required and not column.fill:
            raise ValueError(f"{entity.table}.{name}: say by a default what the rows that are there have")
        fill = f" default {column.fill}" if column.fill else ""
        yield f"alter table {entity.table} add column {name} {column.text}{fill};"
        if fill:
            yield f"alter table {entity.table} alter column {name} drop default;"


def _new_constraints(table: str, there: Made, drafted: Made) -> Iterable[str]:
    for name, text in drafted.constraints.items():
        if text not in there.constraints.values():
            drop = f"drop constraint {name}, " if name in there.constraints else ""
            yield f"alter table {table} {drop}add constraint {name} {text};"


def _new_indexes(entity: Entity[Any], there: Made, drafted: Made) -> Iterable[str]:
    for name, text in drafts.indexes(entity).items():
        if drafted.indexes[name] not in there.indexes.values():
            if name in there.indexes:
                yield f"drop index {entity.domain}.{name};"
            yield f"create index {name} on {entity.table} {text};"


def _besides(there: Made, drafted: Made) -> Iterable[str]:
    for ours, theirs in ((there.constraints, drafted.constraints), (there.indexes, drafted.indexes)):
        yield from sorted(name for name, text in ours.items() if text not in theirs.values())
    yield from sorted(there.columns.keys() - drafted.columns.keys())


async def migration(conn: asyncpg.Connection) -> str:
    """The text of a migration that brings a migrated database to what is declared; empty where nothing is lacking."""
    found = [(entity, (await drift_of(conn, entity)).statements) for entity in drafts.entities()]
    lacking = [(entity, statements) for entity, statements in found if statements]
    if not lacking:
        return ""
    head = "; ".join(f"{entity.domain}: {entity.about}" for entity, _ in lacking)
    return "\n".join((f"-- {head}.\n", *(statement for _, statements in lacking for statement in statements))).rstrip() + "\n"


async def _write(name: str) -> str:
    with tempfile.TemporaryDirectory(prefix="flatrender-migration-") as folder:
        async with Servers(Path(folder) / "data") as servers:
            conn = await asyncpg.connect(servers.pg_admin_dsn)
            try:
                await migrate(conn)
                text = await migration(conn)
            finally:
                await conn.close()
    if not text:
        return "every table is as its entity declares it"
    number = max(int(known[:2]) for known, _ in migrations()) + 1
    domain = next((one for one in DOMAINS if f"{name}_".startswith(f"{one}_")), "")  # its migrations lie in a folder of its name
    path = Path(sql.__file__).parent / "migrations" / domain / f"{number:02}_{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return f"{path} is written: read it, complete it, commit it"


def main(arguments: list[str]) -> int:
    """Draft a migration."""
    if len(arguments) != 1 or not NAME.fullmatch(arguments[0]):
        sys.stderr.write("usage: make migration ARGS=content_categories (lower case, the domain first)\n")
        return 2
    sys.stdout.write(asyncio.run(_write(arguments[0])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
