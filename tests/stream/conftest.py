"""Real servers for the tests of this folder: one NATS and one PostgreSQL for the session, emptied for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection, api, connect
from contracts.catalogue import node_role, roles
from contracts.domains import DOMAINS
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from deploy.provision import provision
from sql.migrate import migrate, set_role_passwords
from tests.stream.support import NODE, OTHER_NODE, Login, settings
from tests.support.logs import usual_parts
from tests.support.password import PASSWORD

DATABASE = "stream_tests"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """NATS with every role of the catalogue and two nodes, PostgreSQL, S3."""
    folder: Path = tmp_path_factory.mktemp("stream")
    users = [*roles(), node_role(NODE), node_role(OTHER_NODE)]
    async with Servers(folder / "data", nats_roles=[NatsRole.of(role, PASSWORD) for role in users]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def login(servers: Servers) -> AsyncIterator[Login]:
    """Connects as a role of the catalogue, as `admin` or `admin_log`; what was opened is closed after the test."""
    opened: list[Connection] = []

    async def open_as(user: str) -> Connection:
        password = servers.secrets.get(f"nats.{user}") if user.startswith("admin") else PASSWORD
        opened.append(await connect(settings(servers.nats_url, user, password), f"test {user}", within=10))
        return opened[-1]

    yield open_as
    for nc in opened:
        await nc.close()


@pytest_asyncio.fixture(loop_scope="session")
async def admins(servers: Servers, login: Login) -> tuple[Connection, Connection]:
    """The administrators of the services' account and of the log's, on a server whose streams were made anew from the catalogue."""
    if servers.pid("nats") is None:
        await servers.restart("nats")
    both = await login("admin"), await login("admin_log")
    for nc in both:
        for name in (await api(nc, "STREAM.NAMES")).get("streams") or []:
            await api(nc, f"STREAM.DELETE.{name}")
    await provision(await login("provision"))
    return both


@pytest_asyncio.fixture(loop_scope="session")
async def admin(admins: tuple[Connection, Connection]) -> Connection:
    """The administrator of the services' account."""
    return admins[0]


@pytest_asyncio.fixture(loop_scope="session")
async def log_admin(admins: tuple[Connection, Connection]) -> Connection:
    """The administrator of the log's account, where EVENTS lies."""
    return admins[1]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(servers: Servers) -> str:
    """The name of a migrated database."""
    conn = await asyncpg.connect(servers.pg_admin_dsn)
    await conn.execute(f"create database {DATABASE}")
    await conn.close()
    conn = await asyncpg.connect(servers.pg_admin_dsn, database=DATABASE)
    await migrate(conn)
    await set_role_passwords(conn, PASSWORD)
    await conn.close()
    return DATABASE


@pytest_asyncio.fixture(loop_scope="session")
async def db(servers: Servers, database: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in the migrated database, with an empty log and empty outboxes."""
    conn = await asyncpg.connect(servers.pg_admin_dsn, database=database)
    await conn.execute("set app.tenants = '*'")
    await conn.execute(f"truncate {', '.join(f'{domain}.{table}' for domain in DOMAINS for table in ('outbox', 'cursors'))}")
    await usual_parts(conn)
    await conn.execute("update log.head set published = 0, epoch = 0, seen_epoch = 0, shared = '{}'")
    yield conn
    await conn.close()


@pytest.fixture
def log_dsn(servers: Servers, database: str) -> str:
    """The address of the migrated database for the sequencer's role."""
    return servers.pg_dsn("log_app", PASSWORD, database)
