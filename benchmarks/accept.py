"""Accepting commands: POST with `Prefer: respond-async`, beside the same aiohttp application reading the body and answering at once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from adapters.nats import connect
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.ground import stack, unlimited_key
from benchmarks.http_load import Load
from consumers.runtime.intake import SAY_EVERY
from contracts.catalogue import undecided_subject
from contracts.queue import Undecided
from deploy.local.stack import Stack

LIMIT = (
    "one edge process on one core: reading HTTP (the floor), checking the body, signing, an acknowledged publish in group commits "
    "(one fsync each); edge, nats-server and load client share the machine, consumers and nodes are stopped"
)
BOUNDS = {128: (Bound("ratio", least=0.5),), 32: (Bound("ratio", least=0.18),)}
LATENCY = (Bound("ratio", most=1.5),)


async def measure(quick: bool) -> list[Figure]:
    """Requests per second and their p99 at 128 and at 32 connections."""
    rounds, seconds = (2, 2.0) if quick else (3, 4.0)
    async with stack(nodes=0) as running, _floor() as floor_port:
        key = await unlimited_key(running)
        await running.processes.remove("consumers")  # what is measured is accepting; deciding has a figure of its own
        requests = running.data / "request"
        figures = []
        async with _room(running):
            for connections, bounds in BOUNDS.items():
                ours, floor = [], []
                for _ in range(rounds):
                    floor.append(await load(requests, floor_port, request_of(key), connections, seconds))
                    ours.append(await load(requests, urlsplit(running.url).port or 0, request_of(key), connections, seconds))
                figures += _figures(connections, ours, floor, bounds)
    return figures


@asynccontextmanager
async def _room(running: Stack) -> AsyncIterator[None]:
    """Say in the place of the domain, which is stopped, that its queue has room: the edge would refuse what nobody decides."""
    nc = await connect(running.settings("studio"), "flatrender bench", within=10)

    async def say() -> None:
        while True:
            await nc.publish(undecided_subject("studio"), msgspec.json.encode(Undecided(most=1_000_000_000, per_second=0.0)))
            await asyncio.sleep(SAY_EVERY)

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()
        await nc.close()


def _figures(connections: int, ours: list[Load], floor: list[Load], bounds: tuple[Bound, ...]) -> list[Figure]:
    if bad := sum(one.bad for one in (*ours, *floor)):
        raise RuntimeError(f"{bad} requests were not accepted")
    ratio = median([a.per_second / b.per_second for a, b in zip(ours, floor, strict=True)])
    speed, least = median([one.per_second for one in ours]), median([one.per_second for one in floor])
    name = f"accept.{connections}"
    figures = [figure(name, speed, "requests/s", least, bounds, LIMIT, ratio=ratio)]
    if connections == 128:
        p99, floor_p99 = median([one.p99 for one in ours]), median([one.p99 for one in floor])
        slower = median([one.p99 / other.p99 for one, other in zip(ours, floor, strict=True)])
        figures.append(figure(f"{name}.p99", p99, "ms", floor_p99, LATENCY, LIMIT, ratio=slower))
    return figures


def request_of(key: str) -> bytes:
    """A saved project of a few values, about 400 bytes."""
    scenes = [
        {"scene": "intro", "texts": {"title": "Two cups of tea", "subtitle": "every afternoon at five"}, "colours": {"primary": "#D9485F"}}
    ]
    body = msgspec.json.encode({"project_id": uuid4(), "name": "Bench", "scenes": scenes, "preset": "dusk"})
    lines = (
        "POST /v1/saved-projects HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        "Prefer: respond-async",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def load(file: Path, port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Load a server from a process of its own; `file` is where the request is handed over."""
    file.write_bytes(request)
    options = ("--port", str(port), "--request", str(file), "--connections", str(connections), "--seconds", str(seconds))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.http_load", *options, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return msgspec.json.decode(out, type=Load)


@asynccontextmanager
async def _floor() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.http_floor", stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
