"""Leading a domain in a test: by its real lock and lease, without a runtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from consumers.runtime.leading import Leading
from consumers.runtime.pool import Connections, Pool
from tests.support.password import PASSWORD


async def app_connection(dsn: str, domain: str, *, port: int | None = None, process: str = "") -> asyncpg.Connection:
    """A connection of a domain's role; `dsn` is the superuser's, `port` another way to the same server, `process` whose it is."""
    there = port or urlsplit(dsn).port
    return await asyncpg.connect(
        dsn, user=f"{domain}_app", password=PASSWORD, port=there, server_settings={"timezone": "UTC", "application_name": process}
    )


def standing_by(dsn: str, domain: str, *, port: int | None = None, key: int | None = None) -> Leading:
    """A process's part in who leads a domain, which does not try yet; `key` is that of a runtime's lock, if it is about one."""
    return Leading.of_domain(domain, key or len(domain), lambda: app_connection(dsn, domain, port=port))


@asynccontextmanager
async def leads(dsn: str, domain: str) -> AsyncIterator[Leading]:
    """The leader of a domain within the block."""
    leading = standing_by(dsn, domain)
    async with leading.lead():
        leading.active.set()
        yield leading


def pool_of(dsn: str, domain: str) -> Pool:
    """The product's pool for one domain."""
    return Connections(lambda role: app_connection(dsn, domain), most=2, each=2).of(domain)
