"""Leading a domain in a test: by its real lock and lease, without a runtime."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from consumers.runtime.leading import Leading
from tests.support.house import PASSWORD


async def app_connection(dsn: str, domain: str) -> asyncpg.Connection:
    """A connection of a domain's role; `dsn` is the superuser's."""
    return await asyncpg.connect(dsn, user=f"{domain}_app", password=PASSWORD, server_settings={"timezone": "UTC"})


def standing_by(dsn: str, domain: str) -> Leading:
    """A process's part in who leads a domain, which does not try yet."""
    return Leading.of_domain(domain, len(domain), lambda: app_connection(dsn, domain))


@asynccontextmanager
async def leads(dsn: str, domain: str) -> AsyncIterator[Leading]:
    """The leader of a domain within the block."""
    leading = standing_by(dsn, domain)
    async with leading.lead():
        leading.active.set()
        yield leading
