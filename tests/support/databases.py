"""Databases of their own for tests that need an empty or a damaged one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from sql.migrate import migrate, set_role_passwords
from tests.support.password import PASSWORD

_models: dict[str, str] = {}  # by the server's address: a database with all migrations, which nobody uses but to copy it


@asynccontextmanager
async def migrated(pg_admin_dsn: str) -> AsyncIterator[str]:
    """A new database with all migrations, dropped afterwards; yields the superuser's address of it."""
    name = _new_name()
    admin = await asyncpg.connect(pg_admin_dsn)
    # Copied file by file: page by page through the log, as is the default, costs four times the processor time (0.3 s).
    await admin.execute(f"create database {name} template {await _model(admin, pg_admin_dsn)} strategy file_copy")
    try:
        yield _address(pg_admin_dsn, name)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def _model(admin: asyncpg.Connection, pg_admin_dsn: str) -> str:
    if pg_admin_dsn not in _models:
        name = _new_name()
        await admin.execute(f"create database {name}")
        conn = await asyncpg.connect(_address(pg_admin_dsn, name))
        await migrate(conn)
        await set_role_passwords(conn, PASSWORD)
        await conn.close()
        _models[pg_admin_dsn] = name
    return _models[pg_admin_dsn]


def _new_name() -> str:
    return f"test_{uuid4().hex[:12]}"


def _address(pg_admin_dsn: str, name: str) -> str:
    return pg_admin_dsn.rsplit("/", 1)[0] + f"/{name}"
