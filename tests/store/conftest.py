"""Migrated databases, and the domains over them without a broker."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest_asyncio

from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(servers: Servers) -> AsyncIterator[str]:
    """The superuser's address of a migrated database that tests share; each uses tenants of its own."""
    async with migrated(servers.pg_admin_dsn) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def in_process(database: str) -> AsyncIterator[InProcessDomains]:
    """All domains over the shared database."""
    async with InProcessDomains(database) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(in_process: InProcessDomains) -> Callable[[], Awaitable[UUID]]:
    """Makes a new tenant."""
    return in_process.tenant


@pytest_asyncio.fixture(loop_scope="session")
async def dsn(servers: Servers) -> AsyncIterator[str]:
    """The superuser's address of a migrated database of the test's own."""
    async with migrated(servers.pg_admin_dsn) as dsn:
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def admin(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's connection to it."""
    conn = await asyncpg.connect(dsn)
    yield conn
    await conn.close()
