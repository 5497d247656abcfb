"""From a POST to its event at a client that listens to server-sent events, one request at a time, beside the durable writes alone."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import asyncpg
import msgspec

from adapters.nats import Frame, api, store
from benchmarks.figures import Bound, Figure, figure, percentile
from benchmarks.ground import admin, stack, unlimited_key
from cli.sse import ServerEvent, events
from deploy.local.stack import Stack

BOUNDS = (Bound("value", most=15.0),)
EVERY = 0.05  # seconds between two requests
LIMIT = (
    "three durable writes one after the other (command, the domain's transaction, the log's), each with its fsync, sending the event "
    "and the wake-ups of five processes"
)


async def measure(quick: bool) -> list[Figure]:
    """Milliseconds until the event of a new API key is seen, median; the floor is the same four writes by one process."""
    requests = 40 if quick else 150
    async with stack(nodes=0) as running:
        key = await unlimited_key(running)
        took = await _posted(running, key, requests)
        floor = await _written(running, requests)
    return [
        figure("post_to_sse.p50", percentile(took, 0.5), "ms", percentile(floor, 0.5), BOUNDS, LIMIT),
        figure("post_to_sse.p99", percentile(took, 0.99), "ms", percentile(floor, 0.99), (), LIMIT),
    ]


async def _posted(running: Stack, key: str, requests: int) -> list[float]:
    seen: dict[str, float] = {}
    sent: dict[str, float] = {}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers, timeout=timeout) as http,
        http.get(f"{running.url}/v1/events", params={"types": "identity.api_key.created"}) as stream,
    ):
        listening = asyncio.create_task(_listen(stream, seen))
        for number in range(requests):
            name = f"request {number}"
            sent[name] = time.perf_counter()
            asked = {"name": name, "scopes": ["log:read"]}
            async with http.post(f"{running.url}/v1/api-keys", json=asked, headers={"Prefer": "respond-async"}) as answer:
                assert answer.status == 202, await answer.text()
            await asyncio.sleep(EVERY)
        await asyncio.sleep(1)
        listening.cancel()
    missing = sent.keys() - seen.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} of {requests} events did not come")
    return [(seen[name] - sent[name]) * 1000 for name in sent]


async def _listen(stream: aiohttp.ClientResponse, seen: dict[str, float]) -> None:
    event: ServerEvent
    async for event in events(stream.content):
        seen[msgspec.json.decode(event.data)["data"]["name"]] = time.perf_counter()


async def _written(running: Stack, rounds: int) -> list[float]:
    """The same writes without anything around them: publish, commit, commit, publish."""
    nc = await admin(running)
    conn = await asyncpg.connect(running.servers.pg_admin_dsn)
    await api(nc, "STREAM.CREATE.FLOOR", {"name": "FLOOR", "subjects": ["floor.>"], "storage": "file", "allow_atomic": True})
    await conn.execute("create table floor (id uuid primary key, made timestamptz, body text)")
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await store(nc, [Frame("floor.one", b"", b"x" * 300)])
        for _ in range(2):
            await conn.execute("insert into floor values ($1, $2, $3)", uuid4(), datetime.now(UTC), "x" * 600)
        await store(nc, [Frame("floor.one", b"", b"x" * 600)])
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(EVERY / 5)
    await conn.execute("drop table floor")
    await api(nc, "STREAM.DELETE.FLOOR")
    await conn.close()
    await nc.close()
    return took
