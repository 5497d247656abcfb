"""The edge on real servers: NATS with the catalogue's roles, PostgreSQL with all migrations, and a log that tests write by hand."""

import asyncio
import tempfile
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import msgspec
import pytest_asyncio
from pydantic import SecretStr

from adapters.nats import connect
from adapters.settings import Settings
from api_edge.access_log import AccessLog
from api_edge.main import running
from api_edge.signing import key_hash, key_text
from contracts.catalogue import command_stream
from contracts.catalogue.roles import roles
from contracts.envelope import Envelope, first
from contracts.identity import ApiKeyCreated, ApiKeyRevoked
from contracts.message import DEFAULT_TENANT, encode, type_of
from contracts.outcome import Outcome
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from deploy.provision import provision
from sql.migrate import migrate, set_role_passwords

PASSWORD = "for-the-tests"
SECRET = "0123456789abcdef0123456789abcdef"
OTHER_TENANT = UUID("00000000-0000-0000-0000-000000000002")

class House:
    """The servers with an administrator's connections, and shortcuts for what the domains would do."""

    def __init__(self, servers, pg, nc):
        self.servers, self.pg, self.nc = servers, pg, nc
        self.position = 0

    @property
    def settings(self):
        dsn = self.servers.pg_dsn("edge_ro", PASSWORD, "flatrender")
        return Settings(
            nats_url=self.servers.nats_url,
            nats_user="edge",
            nats_password=SecretStr(PASSWORD),
            pg_dsn=dsn,
            pg_password=SecretStr(PASSWORD),
            s3_url=self.servers.s3_url,
            s3_access_key=self.servers.s3_access_key,
            s3_secret_key=SecretStr(self.servers.s3_secret_key),
            secret=SecretStr(SECRET),
        )

    async def happen(self, event, tenant=DEFAULT_TENANT, publish=True):
        """Write an event to the log and publish it, as the sequencer does; returns its position."""
        envelope = first(event, tenant=tenant)
        self.position += 1
        await self.pg.execute(
            "insert into log.events values ($1,$2,$3,$4,$5,$6,$7,$8,'',1,'',$9,'',$10)",
            self.position, envelope.id, envelope.type, tenant, envelope.time, envelope.actor,
            envelope.correlation, envelope.causation, encode(event).decode(), "h",
        )  # fmt: skip
        if publish:
            await self.publish(event, envelope, tenant)
        return self.position

    async def publish(self, event, envelope, tenant):
        ack = await self.nc.jetstream().publish(type_of(event).subject(tenant), encode(event), headers=envelope.headers())
        assert ack.seq == self.position

    async def key(self, scopes=("*",), tenant=DEFAULT_TENANT, name="test"):
        """An API key that works once its event is heard; returns its id and text."""
        key_id, secret = uuid4(), uuid4().hex
        created = ApiKeyCreated(key_id=key_id, name=name, scopes=tuple(scopes), secret_sha256=key_hash(secret), hint=secret[:4])
        now = datetime.now(UTC)
        await self.pg.execute(
            "insert into identity.tenant_api_keys values ($1,$2,1,$3,$3,$4,$5,$6,$7,'active')",
            tenant, key_id, now, name, encode(list(scopes)).decode(), created.secret_sha256, created.hint,
        )  # fmt: skip
        await self.happen(created, tenant)
        return key_id, key_text(key_id, secret)

    async def revoke(self, key_id, tenant=DEFAULT_TENANT):
        await self.pg.execute("update identity.tenant_api_keys set state = 'revoked' where key_id = $1", key_id)
        await self.happen(ApiKeyRevoked(key_id=key_id), tenant)

    @asynccontextmanager
    async def deciding(self, domain, decide):
        """Answer every command of a domain with what `decide(envelope, body)` says; yields the list of what came."""
        seen = []
        js = self.nc.jetstream()
        pull = await js.pull_subscribe_bind(domain, command_stream(domain))

        async def loop():
            while True:
                try:
                    messages = await pull.fetch(10, timeout=0.5)
                except TimeoutError:
                    continue
                for message in messages:
                    envelope = Envelope.read(message.headers)
                    seen.append((envelope, msgspec.json.decode(message.data)))
                    outcome = decide(envelope, msgspec.json.decode(message.data))
                    if outcome is not None and envelope.reply:
                        await self.nc.publish(envelope.reply, msgspec.json.encode(outcome))
                    await message.ack()

        task = asyncio.create_task(loop())
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

def done(envelope, **body):
    return Outcome(
        command_id=envelope.id, tenant_id=envelope.tenant, state="done", body=msgspec.Raw(msgspec.json.encode(body)), request_hash=envelope.request_hash
    )

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house():
    with tempfile.TemporaryDirectory(prefix="flatrender-edge-") as folder:
        nats_roles = [NatsRole(role.name, PASSWORD, role.publish, role.subscribe) for role in roles()]
        async with Servers(Path(folder), nats_roles) as servers:
            admin = await asyncpg.connect(servers.pg_admin_dsn)
            await admin.execute("create database flatrender")
            await admin.close()
            pg = await asyncpg.connect(servers.pg_admin_dsn.rsplit("/", 1)[0] + "/flatrender")
            await migrate(pg)
            await set_role_passwords(pg, PASSWORD)
            for tenant, name in ((DEFAULT_TENANT, "default"), (OTHER_TENANT, "other")):
                await pg.execute("insert into identity.tenants values ($1, 1, now(), now(), $2, 1, 64, 100000)", tenant, name)
            nc = await connect(Admin(servers), "tests")
            await provision(nc)
            yield House(servers, pg, nc)
            await nc.close()
            await pg.close()

class Admin:
    """The administrator's way in."""

    def __init__(self, servers):
        self.nats_url, self.nats_user, self.nats_password = servers.nats_url, "admin", servers.secrets.get("nats.admin")

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(house):
    async with running(house.settings, AccessLog(None)) as (edge, url):
        async with asyncio.timeout(10):
            while edge.lacks:
                await asyncio.sleep(0.01)
        edge.url = url
        yield edge

@pytest_asyncio.fixture(loop_scope="session")
async def client(house, edge):
    key_id, key = await house.key()
    async with asyncio.timeout(5):
        while key_id not in edge.keys:
            await asyncio.sleep(0.005)
    async with aiohttp.ClientSession(edge.url, headers={"Authorization": f"Bearer {key}"}) as session:
        session.key_id = key_id
        yield session

