"""Several edges on one port: connections are spread over them, and one that dies is missed by nobody."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from deploy.local.stack import Stack

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux spreads connections over processes on one port"),
]
NAMES = ("edge", "edge-2")


@pytest_asyncio.fixture(loop_scope="session")
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    monkeypatch.setenv("FLATRENDER_EDGES", "2")
    async with Stack(tmp_path, nodes=0) as running:
        yield running


async def ask(running: Stack, method: str = "GET", path: str = "/v1/me", **more: object) -> aiohttp.ClientResponse:
    """One request on a connection of its own."""
    headers = {"Authorization": f"Bearer {running.api_key}", **more.pop("headers", {})}  # type: ignore[dict-item]
    async with aiohttp.ClientSession(running.url, headers=headers) as http, http.request(method, path, **more) as answer:  # type: ignore[arg-type]
        await answer.read()
        return answer


async def test_edges_share_a_port_and_its_work_and_one_that_dies_is_missed_by_nobody(pair: Stack) -> None:
    ids = await spread(pair)
    assert not ids["edge"] & ids["edge-2"], "each request is answered by one of them"

    key = {"Idempotency-Key": uuid4().hex}
    answers = [await ask(pair, "POST", "/v1/uploads", json={"name": "one", "bytes": 1}, headers=key) for _ in range(8)]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.headers["Location"] for answer in answers}) == 1

    await pair.processes.kill("edge-2")
    statuses = []
    while pair.processes.restarts("edge-2") == 0 or pair.processes.pids().get("edge-2") is None:
        statuses.append((await ask(pair)).status)
    assert set(statuses) <= {200}
    assert (await spread(pair))["edge-2"], "it came back"


async def spread(running: Stack) -> dict[str, set[str]]:
    """Ask until each edge has answered; which request ids each has written down."""
    asked: set[str] = set()
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    async with asyncio.timeout(60):
        while not all(found.values()):
            for _ in range(4):
                asked.add(id := uuid4().hex)
                assert (await ask(running, headers={"X-Request-Id": id})).status == 200
            for name in NAMES:
                text = running.processes.log(name).read_text(encoding="utf-8", errors="replace")
                found[name] = {id for id in asked if id in text}
            await asyncio.sleep(0.1)
    return found
