"""The migration runner: numbered plain SQL files, each in a transaction of its own, each applied once and never changed after."""

import hashlib
from collections.abc import Callable
from importlib.resources import files

import asyncpg

from sql import below

_LOCK = 7_301_000  # one migrator at a time
_TABLE = """create table if not exists public.migrations (
  name text primary key, sha256 text not null, applied_at timestamptz not null default now())"""


class MigrationDrift(Exception):
    """A file that was applied has been changed since."""


def migrations() -> list[tuple[str, str]]:
    """Every migration as (name, text), in order of its number; those of one domain lie in a folder of its name."""
    folder = files(__package__ or "sql").joinpath("migrations")
    return [(file.name, file.read_text(encoding="utf-8")) for file in sorted(below(folder), key=lambda file: file.name)]


async def migrate(conn: asyncpg.Connection) -> list[str]:
    """Apply what is not applied yet, as a superuser or the database's owner; returns the names. Raises MigrationDrift."""
    applied: list[str] = []
    await conn.execute("select pg_advisory_lock($1)", _LOCK)
    try:
        await conn.execute(_TABLE)
        known = {row["name"]: row["sha256"] for row in await conn.fetch("select name, sha256 from public.migrations")}
        for name, text in migrations():
            digest = hashlib.sha256(text.encode()).hexdigest()
            if name in known:
                if known[name] != digest:
                    raise MigrationDrift(f"{name} was changed after it had been applied; undo the change and write a new migration")
                continue
            async with conn.transaction():
                await conn.execute(text)
                await conn.execute("insert into public.migrations (name, sha256) values ($1, $2)", name, digest)
            applied.append(name)
    finally:
        await conn.execute("select pg_advisory_unlock($1)", _LOCK)
    return applied


async def set_role_passwords(conn: asyncpg.Connection, password: str | Callable[[str], str]) -> None:
    """Give every service role that may log in its password: what `password` says for its name; a role without one keeps what it has."""
    for row in await conn.fetch("select rolname from pg_roles where rolcanlogin and (rolname like '%\\_app' or rolname = 'edge_ro')"):
        given = password(row["rolname"]) if callable(password) else password
        if given:
            quoted = await conn.fetchval("select quote_literal($1::text)", given)
            await conn.execute(f"alter role {row['rolname']} password {quoted}")
