"""An edge over the servers of this folder's tests, and what a client asks of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from pydantic import SecretStr

from adapters.settings import Settings
from api_edge.auth.secret_texts import secret_hash, secret_text
from api_edge.edge import Edge
from api_edge.http.access_log import AccessLog
from api_edge.main import running as serving
from cli.sse import events as sse_events
from deploy.local.servers import Servers
from tests.stream.sequencing import TENANT
from tests.support.password import PASSWORD


class KeyedEdge:
    """An edge that runs, and a key for it."""

    def __init__(self, edge: Edge, url: str, key: str) -> None:
        self.edge, self.url, self.headers = edge, url, {"Authorization": f"Bearer {key}"}

    @asynccontextmanager
    async def stream(self, **headers: str) -> AsyncIterator[tuple[aiohttp.ClientResponse, list[tuple[str, str]]]]:
        """An event stream's answer, and the ids that come, with those of the events."""
        got: list[tuple[str, str]] = []
        async with aiohttp.ClientSession(self.url, headers=self.headers) as http, http.get("/v1/events", headers=headers) as answer:

            async def listen() -> None:
                async for event in sse_events(answer.content):
                    got.append((event.id, json.loads(event.data)["id"]))

            task = asyncio.create_task(listen())
            yield answer, got
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ask(self, path: str, **headers: str) -> tuple[int, dict[str, Any], str]:
        async with aiohttp.ClientSession(self.url, headers=self.headers) as http, http.get(path, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers.get("X-Log-Position", "")


@asynccontextmanager
async def edge_over(servers: Servers, database: str, db: asyncpg.Connection) -> AsyncIterator[KeyedEdge]:
    """One that is ready, with a key of the tenant of `happen`."""
    key_id, secret = uuid4(), uuid4().hex
    await db.execute("insert into identity.tenants values ($1, 1, now(), now(), 'one', 1, 64, 100000) on conflict do nothing", TENANT)
    await db.execute(
        "insert into identity.tenant_api_keys values ($1,$2,1,$3,$3,'test','[\"*\"]',$4,'','active',1)",
        TENANT, key_id, datetime.now(UTC), secret_hash(secret),
    )  # fmt: skip
    settings = Settings(
        nats_url=servers.nats_url,
        nats_user="edge",
        nats_password=SecretStr(PASSWORD),
        pg_dsn=servers.pg_dsn("edge_ro", PASSWORD, database),
        pg_password=SecretStr(PASSWORD),
        s3_url=servers.s3_url,
        s3_access_key=servers.s3_access_key,
        s3_secret_key=SecretStr(servers.s3_secret_key),
        secret=SecretStr("0123456789abcdef0123456789abcdef"),
    )
    async with serving(settings, AccessLog(None)) as (edge, url):
        while edge.lacks:
            await asyncio.sleep(0.01)
        yield KeyedEdge(edge, url, secret_text("fr", key_id, secret))
