"""What measurements stand on: a stack with its processes, or the servers alone, each with data of its own that goes at the end."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg

from adapters.nats import Connection, connect
from api_edge.auth.signing import Signer
from cli.client import Client
from contracts.envelope import first
from contracts.identity.tenants import CreateTenant
from deploy.bootstrap import asking, new_key
from deploy.consume import pg_connect
from deploy.local.stack import Stack

UNLIMITED = 100_000  # requests per second: the limit per tenant shall not be what is measured


class Ground(Stack):
    """The three servers with schemas, roles and streams, and none of our processes."""

    async def start(self) -> None:
        """Start the servers and prepare them."""
        await self.servers.start()
        try:
            await asyncio.gather(self._prepare_database(), self._prepare_nats(), self._prepare_store())
        except BaseException:
            await self.stop()
            raise

    async def nats(self, role: str) -> Connection:
        """A connection of a service role."""
        return await connect(self.settings(role), f"flatrender bench {role}", within=10)

    async def postgres(self, role: str) -> asyncpg.Connection:
        """A connection of a service role that sees all tenants."""
        conn = await pg_connect(self.settings(role.removesuffix("_app")), role)
        await conn.execute("set app.tenants = '*'")
        return conn


async def admin(running: Stack) -> Connection:
    """The administrator's connection to NATS."""
    return await connect(running.settings("admin"), "flatrender bench", within=10)


@asynccontextmanager
async def stack(nodes: int) -> AsyncIterator[Stack]:
    """A whole stack, idle, whose nodes have their engines loaded."""
    with _folder() as data:
        async with Stack(data, nodes=nodes) as running:
            async with Client(running.url, running.api_key) as client:
                while len([node for node in await client.nodes() if node.state == "active"]) < nodes:
                    await asyncio.sleep(0.1)
            yield running


@asynccontextmanager
async def servers(kept: Path | None = None) -> AsyncIterator[Ground]:
    """The servers, prepared; with their data in a folder that is kept, or in one that goes."""
    with _folder() as data:
        async with Ground(kept or data, nodes=0) as running:
            yield running


class _folder:
    """A temporary data folder."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="flatrender-bench-"))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


async def unlimited_key(running: Stack) -> str:
    """A key of a new tenant that may send as much as it likes, once the edge takes it."""
    settings = running.settings("edge")
    tenant = uuid4()
    nc = await connect(settings, "flatrender bench", within=10)
    try:
        async with asking(nc) as asker:
            created = CreateTenant(name="Bench", requests_per_second=UNLIMITED)
            await asker.ask(created, first(created, tenant=tenant))
            text = await new_key(asker, Signer.of(settings), tenant, "bench")
    finally:
        await nc.close()
    await _until_taken(running.url, text)
    return text


async def _until_taken(url: str, key: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        for _ in range(200):
            async with http.get(f"{url}/v1/me") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.05)
    raise RuntimeError("the edge does not take the new key")
