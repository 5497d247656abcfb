"""Applying commands: the real runtime from its stream to its tables, beside one transaction for each command."""

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import Connection, PullConsumer, api
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.ground import Ground, servers
from consumers.runtime.item import Item
from consumers.runtime.runtime import Runtime
from contracts.catalogue import command_stream
from contracts.envelope import Envelope, first
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import CreateTenant
from contracts.message import Command
from deploy.consume import pg_connect
from deploy.domains import domain_named
from producers.publisher import Publisher

DOMAIN = "identity"
BOUNDS = (Bound("ratio", least=5.0), Bound("value", least=5000.0))
LIMIT = (
    "Python's own work for each command (headers, deciding, JSON both ways) on one core, in turn with PostgreSQL's: "
    "three inserts and one fsync for up to 500 commands"
)


async def measure(quick: bool) -> list[Figure]:
    """Commands per second of `identity.api_key.create`, from the stream to committed and acknowledged."""
    rounds, commands = (2, 4_000) if quick else (3, 12_000)
    async with servers() as ground:
        tenant = uuid4()
        created = CreateTenant(name="Bench")
        await publish(ground, [(created, first(created, tenant=tenant)), *keys([tenant], 1)])
        await applied(ground, 2)
        ours, floors = [], []
        for _ in range(rounds):
            floors.append(await _one_by_one(ground, tenant, commands // 10))
            await publish(ground, keys([tenant], commands))
            ours.append(await applied(ground, commands))
    ratio = median([one / floor for one, floor in zip(ours, floors, strict=True)])
    return [figure("apply", median(ours), "commands/s", median(floors), BOUNDS, LIMIT, ratio=ratio)]


async def publish(ground: Ground, commands: Iterable[tuple[Command, Envelope]]) -> None:
    """Have commands wait in the domain's stream."""
    nc = await ground.nats("edge")
    publisher = Publisher(nc)
    waiting = iter(commands)
    while some := list(islice(waiting, 2000)):
        await asyncio.gather(*(publisher.publish(command, envelope) for command, envelope in some))
    await nc.close()


def keys(tenants: Sequence[UUID], count: int) -> Iterator[tuple[Command, Envelope]]:
    """Commands that make a key, of these tenants in turn."""
    for number in range(count):
        key = CreateApiKey(name="a key", scopes=("*",), secret_sha256=secrets.token_hex(32), hint="0000")
        yield key, first(key, tenant=tenants[number % len(tenants)], actor="key:bench")


async def applied(ground: Ground, commands: int) -> float:
    """Run the domain's runtime as `consume` does; commands per second from its first look at the stream to the last acknowledgement."""
    nc = await ground.nats(DOMAIN)

    async def no_feed(cursor: int) -> None:
        raise AssertionError("identity reacts to nothing")

    consumer = PullConsumer(nc, command_stream(DOMAIN), DOMAIN)
    runtime = Runtime(domain_named(DOMAIN), nc, lambda: pg_connect(ground.settings(DOMAIN), f"{DOMAIN}_app"), [consumer], no_feed)
    done = asyncio.Event()
    count = 0

    def observe(items: list[Item]) -> None:
        nonlocal count
        count += len(items)
        if count >= commands:
            done.set()

    runtime.observers.append(observe)
    running = asyncio.create_task(runtime.run())
    await runtime.active.wait()
    began = time.perf_counter()
    await asyncio.wait((running, asyncio.create_task(done.wait())), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    await _until_acknowledged(nc)
    seconds = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await nc.close()
    return commands / seconds


async def _until_acknowledged(nc: Connection) -> None:
    while (await api(nc, f"CONSUMER.INFO.{command_stream(DOMAIN)}.{DOMAIN}"))["num_ack_pending"]:
        await asyncio.sleep(0.005)


async def _one_by_one(ground: Ground, tenant: UUID, count: int) -> float:
    """Keys per second when each is stored in a transaction of its own: inbox, row, outbox; without a broker and without deciding."""
    conn = await ground.postgres(f"{DOMAIN}_app")
    statements = [await conn.prepare(statement) for statement in _ONE]
    began = time.perf_counter()
    for _ in range(count):
        await _store_one(conn, statements, tenant)
    seconds = time.perf_counter() - began
    await conn.close()
    return count / seconds


async def _store_one(conn: asyncpg.Connection, statements: list[asyncpg.prepared_stmt.PreparedStatement], tenant: UUID) -> None:
    identity, now = uuid4(), datetime.now(UTC)
    async with conn.transaction():
        for statement in statements:
            await statement.fetch(tenant, identity, now)


_ONE = (
    "insert into identity.inbox (tenant_id, id, type, request_hash, state, outcome, decided_at)"
    " values ($1, $2, 'cmd.identity.api_key.create.v1', '', 'done', '{\"name\": \"a key\"}', $3)",
    "insert into identity.tenant_api_keys"
    " (tenant_id, key_id, name, scopes, secret_sha256, hint, state, format, version, created_at, updated_at)"
    " values ($1, $2, 'a key', '[\"*\"]', $2::uuid::text, '0000', 'active', 2, 1, $3, $3)",
    "insert into identity.outbox"
    " (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)"
    " values ($2, 'evt.identity.api_key.created.v1', $1, $3, 'key:bench', $2, $2, 'identity.tenant_api_keys', 1, '',"
    ' \'{"name": "a key"}\')',
)
