"""A migrated database, to ask what the migrations made."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from deploy.local.servers import Servers
from tests.support.databases import migrated


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def db(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in a migrated database of its own."""
    async with migrated(servers.pg_admin_dsn) as dsn:
        conn = await asyncpg.connect(dsn)
        yield conn
        await conn.close()
