"""Databases of their own for tests that need an empty or a damaged one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from sql.migrate import migrate, set_role_passwords
from tests.support.house import PASSWORD


@asynccontextmanager
async def migrated(pg_admin_dsn: str) -> AsyncIterator[str]:
    """A new database with all migrations, dropped afterwards; yields the superuser's address of it."""
    name = f"test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(pg_admin_dsn)
    await admin.execute(f"create database {name}")
    dsn = pg_admin_dsn.rsplit("/", 1)[0] + f"/{name}"
    try:
        conn = await asyncpg.connect(dsn)
        await migrate(conn)
        await set_role_passwords(conn, PASSWORD)
        await conn.close()
        yield dsn
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
