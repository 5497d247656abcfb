"""Victims: which processes there are to kill, how, and how one sees that the product is well again."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import psutil

from deploy.local.stack import Stack

PAUSE = 8.0  # seconds that a node is held up: longer than the lease
GIVE_UP = 60.0  # seconds after which the product counts as not recovered
Recovered = Callable[[], Awaitable[None]]

WEIGHTS = {
    "edge": 4,
    "consumers": 6,
    "log": 2,
    "node": 4,
    "node tree": 3,
    "engine": 5,
    "nats": 4,
    "postgres": 3,
    "postgres backend": 3,
    "s3": 3,
    "node paused": 1,
}


class Victims:
    """Kills in one stack; every method that kills returns what to await until all is well again, or None when nobody was there."""

    def __init__(self, stack: Stack, api_key: str, chance: random.Random) -> None:
        self._stack, self._random = stack, chance
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._paused: set[asyncio.Task[None]] = set()

    async def kill(self, victim: str) -> Recovered | None:
        """SIGKILL to a victim (or SIGSTOP, for a paused node)."""
        if victim in ("nats", "postgres", "s3"):
            return await self._server(victim)
        if victim == "postgres backend":
            return self._backend()
        if victim in ("edge", "consumers", "log"):
            pid = self._stack.processes.pids().get(victim)
            return self._shoot(pid, self.pulse)
        return await self._node(victim)

    async def settle(self) -> None:
        """Let paused nodes go on."""
        await asyncio.gather(*self._paused)

    async def pulse(self) -> None:
        """Return once a command went all the way: edge, NATS, consumers, PostgreSQL, object storage, and back."""
        async with aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=3)) as http:
            started: dict[str, Any] | None = None
            key = str(uuid4())
            while started is None:
                started = await self._ask(http, "POST", "/v1/uploads", key)
            upload: dict[str, Any] | None = None
            while upload is None or upload["state"] == "started":
                await asyncio.sleep(0.03)
                upload = await self._ask(http, "GET", f"/v1/uploads/{started['upload_id']}", key)

    async def _ask(self, http: aiohttp.ClientSession, method: str, path: str, key: str) -> dict[str, Any] | None:
        body: dict[str, Any] = {"json": {"name": "pulse", "bytes": 10}, "headers": {"Idempotency-Key": key}} if method == "POST" else {}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.request(method, f"{self._stack.url}{path}", **body) as answer:
                if answer.status in (200, 201):
                    said: dict[str, Any] = await answer.json()
                    return said
        await asyncio.sleep(0.05)
        return None

    async def _server(self, name: str) -> Recovered | None:
        if self._stack.servers.pid(name) is None:
            return None
        await self._stack.servers.kill(name)
        return self.pulse

    def _backend(self) -> Recovered | None:
        """One of PostgreSQL's own processes: the server then throws all sessions out and recovers in place."""
        pid = self._stack.servers.pid("postgres")
        if pid is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            backends = [child.pid for child in psutil.Process(pid).children() if "_app" in " ".join(child.cmdline())]
            return self._shoot(self._random.choice(backends) if backends else None, self.pulse)
        return None

    def _shoot(self, pid: int | None, recovered: Recovered) -> Recovered | None:
        if pid is None:
            return None
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        return recovered

    async def _node(self, victim: str) -> Recovered | None:
        number = self._random.randrange(len(self._stack.node_ids))
        name = f"node-{number + 1}"
        pid = self._stack.processes.pids().get(name)
        version = await self._version(number)
        if pid is None or version is None:
            return None

        async def registered() -> None:
            while (await self._version(number) or 0) <= version:
                await asyncio.sleep(0.1)

        if victim == "engine":
            engines = psutil.Process(pid).children(recursive=True)
            return self._shoot(engines[0].pid if engines else None, lambda: self._engine(name, engines[0].pid))
        if victim == "node tree":
            await self._stack.processes.kill(name)
            return registered
        if victim == "node":
            return self._shoot(pid, registered)
        return self._hold_up(pid, number)

    def _hold_up(self, pid: int, number: int) -> Recovered:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

        async def hold() -> None:
            for process in tree:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            await asyncio.sleep(PAUSE)
            for process in tree:
                with contextlib.suppress(psutil.Error):
                    process.resume()

        held = asyncio.create_task(hold())
        self._paused.add(held)
        held.add_done_callback(self._paused.discard)

        async def recovered() -> None:
            await held
            # Whether the farm gave it up meanwhile depends on what else was killed; in the end it is one of its nodes.
            while await self._version(number) is None:
                await asyncio.sleep(0.1)
            await self.pulse()

        return recovered

    async def _engine(self, name: str, old: int) -> None:
        while True:
            daemon = self._stack.processes.pids().get(name)
            with contextlib.suppress(psutil.Error):
                if daemon and any(
                    child.pid != old and child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process(daemon).children()
                ):
                    return
            await asyncio.sleep(0.1)

    async def _version(self, number: int) -> int | None:
        """How often a node's row was changed, while the node is active."""
        async with aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=2)) as http:
            answer = await self._ask(http, "GET", "/v1/nodes", "")
        for row in (answer or {}).get("data", []):
            if row["node_id"] == str(self._stack.node_ids[number]) and row["state"] == "active":
                return int(row["version"])
        return None
