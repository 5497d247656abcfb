"""One sample history for the tests of the check, which put faults into it and take them out again."""

from collections.abc import AsyncIterator

import pytest_asyncio

from deploy.local.servers import Servers
from tests.support.checked import Checked, checked


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(servers: Servers) -> AsyncIterator[Checked]:
    """All of it agrees at the beginning of each test; who damages something puts it right."""
    async with checked(servers) as installation:
        yield installation
