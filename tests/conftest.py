"""What takes long to make and many tests need: made once for the session, only when a test asks for it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.catalogue import roles
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from templates.build import DemoFiles, build_demo
from tests.support.house import PASSWORD


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """NATS with the catalogue's roles, PostgreSQL, S3."""
    users = [NatsRole.of(role, PASSWORD) for role in roles()]
    async with Servers(tmp_path_factory.mktemp("servers") / "data", nats_roles=users) as running:
        yield running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """The demo's files; who changes them takes a copy of their folder."""
    return build_demo(tmp_path_factory.mktemp("demo"))
