"""The API beside a crowd: 5,000 idle connections, 1,000 bodies that come byte by byte, 1,000 readers of event streams."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from benchmarks.accept import load, request_of
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.ground import stack, unlimited_key
from benchmarks.http_load import Load

IDLE, SLOW, READERS = 5000, 1000, 1000
STREAMS_OF_ONE = 64  # of one tenant, at the most
CONNECTIONS = 16  # of who is measured
BOUNDS = (Bound("ratio", most=2.0),)
LIMIT = "one edge process on one core, which takes each byte of the slow bodies and speaks to each reader; the floor is without a crowd"


async def measure(quick: bool) -> list[Figure]:
    """Milliseconds until a POST is accepted, the 99th of a hundred, with the crowd and without."""
    rounds, seconds, part = (1, 2.0, 10) if quick else (3, 4.0, 1)
    async with stack(nodes=0) as running:
        keys = [await unlimited_key(running) for _ in range(-(-READERS // part // STREAMS_OF_ONE) + 1)]
        await running.processes.remove("consumers")
        port = urlsplit(running.url).port or 0
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(await load(running.data / "request", port, request_of(keys[0]), CONNECTIONS, seconds))
            async with _crowd(port, keys[1:], part):
                beside.append(await load(running.data / "request", port, request_of(keys[0]), CONNECTIONS, seconds))
    _check([*alone, *beside])
    ratio = median([one.p99 / usual.p99 for one, usual in zip(beside, alone, strict=True)])
    p99, usual = median([one.p99 for one in beside]), median([one.p99 for one in alone])
    return [figure("crowd.p99", p99, "ms", usual, BOUNDS, LIMIT, ratio=ratio)]


def _check(loads: list[Load]) -> None:
    if bad := sum(one.bad for one in loads):
        raise RuntimeError(f"{bad} requests were not accepted")


@asynccontextmanager
async def _crowd(port: int, keys: list[str], part: int) -> AsyncIterator[None]:
    """A process that holds the crowd's connections, once all are there."""
    counts = [str(count // part) for count in (IDLE, SLOW, READERS)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_crowd", str(port), *counts, *keys, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if (said := await process.stdout.readline()).strip() != b"there":
            raise RuntimeError(f"the crowd did not come: {said.decode()}")
        yield
        if process.returncode is not None:
            raise RuntimeError("the crowd went before its time")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
