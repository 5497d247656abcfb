"""Two tenants, one with a hundred thousand commands in the queue: what the other waits for its answers, beside what it waits alone."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import msgspec

from adapters.nats import Connection, api, connect
from benchmarks.accept import load
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.ground import stack, unlimited_key
from contracts.catalogue import command_stream
from contracts.envelope import first
from contracts.message import encode
from contracts.studio.saved_projects import SaveProject
from deploy.local.stack import Stack
from producers.publisher import Publisher

DOMAIN = "studio"
CONNECTIONS = 4  # of the tenant that is measured, each with one request under way
AT_ONCE = 2000  # commands that are published together
BOUNDS = (Bound("ratio", most=2.0),)
LIMIT = (
    "the batch of the other's commands that is under way when a request comes, the disk and the two cores that all share; "
    "the floor is the same tenant's p99 without the other"
)
_TEMPLATE = "insert into studio.templates values ($1, $2, 1, now(), now(), 'bench', 1, '[]')"
_SCENE = "insert into studio.template_scenes values ($1, $2, 'intro', 1, now(), now(), 0, 1280, 720, 30, 2, 'bench', '[]', '[]', '[]')"


async def measure(quick: bool) -> list[Figure]:
    """Milliseconds from a POST to its answer, the 99th of a hundred."""
    rounds, queued, seconds = (1, 30_000, 3.0) if quick else (3, 100_000, 6.0)
    alone, beside, left, found = [], [], [], []
    async with stack(nodes=0) as running:
        key, other, template = await unlimited_key(running), uuid4(), uuid4()
        tenant = await _tenant(running, key)
        await _template(running, (tenant, other), template)
        nc = await connect(running.settings("admin"), "flatrender bench", within=10)
        request = _request(key, template)
        port = urlsplit(running.url).port or 0
        for _ in range(rounds):
            alone.append(await load(running.data / "request", port, request, CONNECTIONS, seconds))
            async with _stopped(running):
                await _queue(running, other, template, queued)
            found.append(await _first(running, key, template))
            beside.append(await load(running.data / "request", port, request, CONNECTIONS, seconds))
            left.append(await _waiting(nc))
            while await _waiting(nc):
                await asyncio.sleep(0.2)
        await nc.close()
    if bad := sum(one.bad for one in (*alone, *beside)):
        raise RuntimeError(f"{bad} requests were not answered as they should")
    if not all(left):
        raise RuntimeError("the other tenant's commands were gone before the time was over: queue more")
    ratio = median([one.p99 / usual.p99 for one, usual in zip(beside, alone, strict=True)])
    p99, usual = median([one.p99 for one in beside]), median([one.p99 for one in alone])
    return [
        figure("many.p99", p99, "ms", usual, BOUNDS, LIMIT, ratio=ratio),
        figure("many.first", median(found), "s", 0.0, (), "a domain that begins with such a queue looks at all of it once"),
    ]


async def _tenant(running: Stack, key: str) -> UUID:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http, http.get(f"{running.url}/v1/me") as answer:
        return UUID((await answer.json())["tenant_id"])


async def _template(running: Stack, tenants: tuple[UUID, ...], template: UUID) -> None:
    """A template that can be filled, as if it were learned: no node draws it."""
    conn = await asyncpg.connect(running.servers.pg_admin_dsn)
    for tenant in tenants:
        await conn.execute(_TEMPLATE, tenant, template)
        await conn.execute(_SCENE, tenant, template)
    await conn.close()


async def _first(running: Stack, key: str, template: UUID) -> float:
    """Seconds until a request is answered that comes when all of that waits, and nobody has looked at it."""
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=30"}
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            async with http.post(f"{running.url}/v1/saved-projects", json={"project_id": str(template), "name": "first"}) as answer:
                if answer.status == 201:
                    return time.perf_counter() - began


@contextlib.asynccontextmanager
async def _stopped(running: Stack) -> AsyncIterator[None]:
    """The consumers are stopped within the block; whoever finds them frozen meanwhile starts others."""
    pid = running.processes.pids()["consumers"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _queue(running: Stack, tenant: UUID, template: UUID, count: int) -> None:
    """Publish as an edge does that has lost its bounds."""
    nc = await connect(running.settings("edge"), "flatrender bench", within=10)
    publisher, command = Publisher(nc, within=60), SaveProject(project_id=template, name="Bench")
    body = encode(command)
    for start in range(0, count, AT_ONCE):
        some = [(body, first(command, tenant=tenant, actor="key:bench"), None) for _ in range(min(AT_ONCE, count - start))]
        await publisher.publish_all(SaveProject, some)
    await nc.close()


async def _waiting(nc: Connection) -> int:
    """How many commands are not decided."""
    found = await api(nc, f"CONSUMER.INFO.{command_stream(DOMAIN)}.{DOMAIN}")
    return int(found["num_pending"]) + int(found["num_ack_pending"])


def _request(key: str, template: UUID) -> bytes:
    body = msgspec.json.encode({"project_id": template, "name": "Bench"})
    lines = (
        "POST /v1/saved-projects HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
