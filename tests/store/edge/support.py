"""What the tests of the edge share: the servers with shortcuts for what domains and sequencer would do."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
from pydantic import SecretStr

from adapters.nats import store, stream_state
from adapters.settings import Settings
from api_edge.auth.secret_texts import secret_hash, secret_text
from consumers.log.event import frame_of
from contracts.catalogue import EVENTS, command_stream
from contracts.chain import GENESIS, Marks, chained
from contracts.content.projects import CreateProject
from contracts.envelope import Envelope, first
from contracts.identity.api_keys import ApiKeyCreated, ApiKeyRevoked
from contracts.message import DEFAULT_TENANT, PLATFORM, encode
from contracts.outcome import Outcome
from tests.support.password import PASSWORD

SECRET = "0123456789abcdef0123456789abcdef"
OTHER_TENANT = UUID("00000000-0000-0000-0000-000000000002")


class Backend:
    """The servers with an administrator's connections, and shortcuts for what the domains would do."""

    def __init__(self, servers, pg, nc, log):
        self.servers, self.pg, self.nc, self.log = servers, pg, nc, log
        self.position, self.last_hash, self.rows = 0, GENESIS, []

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

    @classmethod
    async def open(cls, servers, nc, log):
        return cls(servers, await asyncpg.connect(cls.address(servers)), nc, log)

    @staticmethod
    def address(servers):
        return servers.pg_admin_dsn.rsplit("/", 1)[0] + "/flatrender"

    async def reconnect(self):
        """After the database was killed."""
        self.pg = await asyncpg.connect(self.address(self.servers))

    async def happen(self, event, tenant=DEFAULT_TENANT, publish=True):
        """Write an event to the log and publish it, as the sequencer does; returns its position."""
        envelope = first(event, tenant=tenant)
        self.position += 1
        values = (
            envelope.id, envelope.type, tenant, envelope.time, envelope.actor, envelope.correlation, envelope.causation, "", 1, "",
            encode(event).decode(),
        )  # fmt: skip
        row = (self.position, *values, self.last_hash, chained(self.last_hash, self.position, values))
        self.last_hash = row[-1]
        await self.pg.execute(f"insert into log.events values ({','.join(f'${number}' for number in range(1, 15))})", *row)
        await self.pg.execute("update log.head set position = $1, hash = $2", row[0], row[-1])
        if publish:
            await self.publish(row)
        return self.position

    async def publish(self, row):
        """Publish a row of the log, behind what a killed broker lost of those before, and write down how far the stream is."""
        head = await self.pg.fetchrow("select epoch, seal from log.head")
        self.rows.append(row)
        state = await stream_state(self.log, EVENTS)
        for one in self.rows:
            if one[0] > state["state"]["last_seq"]:
                assert await store(self.log, [frame_of(one, Marks(head["epoch"], head["seal"]))]) == one[0]
        await self.pg.execute("update log.head set published = $1", row[0])

    async def key(self, scopes=("*",), tenant=DEFAULT_TENANT, name="test"):
        """An API key that works once its event is heard; returns its id and text."""
        key_id, secret = uuid4(), uuid4().hex
        created = ApiKeyCreated(
            key_id=key_id, name=name, scopes=tuple(scopes), secret_sha256=secret_hash(secret), hint=secret[:4], format=2
        )
        now = datetime.now(UTC)
        await self.pg.execute(
            "insert into identity.tenant_api_keys values ($1,$2,1,$3,$3,$4,$5,$6,$7,'active',2)",
            tenant, key_id, now, name, encode(list(scopes)).decode(), created.secret_sha256, created.hint,
        )  # fmt: skip
        await self.happen(created, tenant)
        return key_id, secret_text("fr", key_id, secret)

    async def revoke(self, key_id, tenant=DEFAULT_TENANT):
        await self.pg.execute("update identity.tenant_api_keys set state = 'revoked' where key_id = $1", key_id)
        await self.happen(ApiKeyRevoked(key_id=key_id), tenant)

    @asynccontextmanager
    async def deciding(self, domain, decide):
        """Answer every command of a domain with what `decide(envelope, body)` says; yields the list of what came.

        What another test had accepted and nobody took is nobody's here, in whatever order they run.
        """
        seen = []
        js = self.nc.jetstream()
        await js.purge_stream(command_stream(domain))
        pull = await js.pull_subscribe_bind(domain, command_stream(domain))

        leaving = asyncio.Event()

        async def loop():
            while not leaving.is_set():
                try:
                    messages = await pull.fetch(10, timeout=0.2)
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
            # Not cancelled: a pull that nobody awaits any more would swallow the next test's message.
            leaving.set()
            await task


def done(envelope, **body):
    return Outcome(
        command_id=envelope.id,
        tenant_id=envelope.tenant,
        state="done",
        body=msgspec.Raw(msgspec.json.encode(body)),
        request_hash=envelope.request_hash,
    )


class Trace:
    """Small things that several tests need."""

    PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @staticmethod
    def command():
        return CreateProject(name="x", file_id=UUID(int=1))

    @staticmethod
    def encode(outcome):
        return msgspec.json.encode(outcome)

    @staticmethod
    def with_hash(envelope, request_hash):
        return msgspec.structs.replace(envelope, request_hash=request_hash)


class Admin:
    """The administrator's way in."""

    def __init__(self, servers, user="admin"):
        self.nats_url, self.nats_user, self.nats_password = servers.nats_url, user, PASSWORD
        if user.startswith("admin"):
            self.nats_password = servers.secrets.get(f"nats.{user}")


async def given_out(backend, state="open", node=None, expires=timedelta(hours=1), secret="s" * 32):
    """A join token that is there; its id."""
    id, now = uuid4(), datetime.now(UTC)
    await backend.pg.execute(
        "insert into render.join_tokens values ($1, $2, 1, $3, $3, 'a note', $4, 'abcd…', $5, $6, $7)",
        PLATFORM, id, now, secret_hash(secret), now + expires, state, node,
    )  # fmt: skip
    return id
