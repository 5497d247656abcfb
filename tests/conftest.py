"""Real servers for every test that asks for them: started once for the session, only when a test needs them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.catalogue import roles
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from tests.support.house import PASSWORD


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """NATS with the catalogue's roles, PostgreSQL, S3."""
    users = [NatsRole.of(role, PASSWORD) for role in roles()]
    async with Servers(tmp_path_factory.mktemp("servers") / "data", nats_roles=users) as running:
        yield running
