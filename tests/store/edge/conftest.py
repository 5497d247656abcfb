"""The edge on real servers: NATS with the catalogue's roles, PostgreSQL with all migrations, and a log that tests write by hand."""

import asyncio
import tempfile
from pathlib import Path

import aiohttp
import asyncpg
import pytest_asyncio

from adapters.nats import connect
from api_edge.http.access_log import AccessLog
from api_edge.main import running
from contracts.catalogue.roles import roles
from contracts.message import DEFAULT_TENANT
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from deploy.provision import provision
from sql.migrate import migrate, set_role_passwords
from tests.store.edge.support import OTHER_TENANT, Admin, Backend
from tests.support.password import PASSWORD


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def backend():
    with tempfile.TemporaryDirectory(prefix="flatrender-edge-") as folder:
        nats_roles = [NatsRole.of(role, PASSWORD) for role in roles()]
        async with Servers(Path(folder), nats_roles) as servers:
            admin = await asyncpg.connect(servers.pg_admin_dsn)
            await admin.execute("create database flatrender")
            await admin.close()
            nc, log = await connect(Admin(servers), "tests"), await connect(Admin(servers, "admin_log"), "tests")
            backend = await Backend.open(servers, nc, log)
            await migrate(backend.pg)
            await set_role_passwords(backend.pg, PASSWORD)
            for tenant, name in ((DEFAULT_TENANT, "default"), (OTHER_TENANT, "other")):
                await backend.pg.execute("insert into identity.tenants values ($1, 1, now(), now(), $2, 1, 64, 100000)", tenant, name)
            deploy = await connect(Admin(servers, "provision"), "tests")
            await provision(deploy)
            await deploy.close()
            yield backend
            await nc.close()
            await log.close()
            await backend.pg.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(backend):
    async with running(backend.settings, AccessLog(None)) as (edge, url):
        async with asyncio.timeout(30):
            while edge.lacks:
                await asyncio.sleep(0.01)
        edge.url = url
        yield edge


@pytest_asyncio.fixture(loop_scope="session")
async def session_for(backend, edge):
    """Makes sessions with keys of their own."""
    sessions = []

    async def make(scopes, tenant=DEFAULT_TENANT):
        key_id, key = await backend.key(scopes, tenant)
        async with asyncio.timeout(30):
            while key_id not in edge.keys:
                await asyncio.sleep(0.005)
        session = aiohttp.ClientSession(edge.url, headers={"Authorization": f"Bearer {key}"})
        session.key_id = key_id
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        await session.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(session_for):
    return await session_for(["*"])
