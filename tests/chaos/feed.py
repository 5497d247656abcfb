"""Listeners at every edge: what they hear of a tenant, through all that breaks, is what the log says, once, in order, and nothing else."""

import asyncio
import contextlib
from collections.abc import Sequence

import aiohttp
import asyncpg

from api_edge.stream.events import kind_of
from cli.sse import ServerEvent, events
from tests.chaos.tenants import Tenant

AGAIN = 0.2  # seconds until a listener that was cut off comes back
CAUGHT_UP = 30.0  # seconds in which the last event must be heard


class Feed:
    """One listener an edge; `run` until cancelled."""

    def __init__(self, urls: Sequence[str], tenant: Tenant) -> None:
        self._urls, self._tenant = urls, tenant
        self.heard: dict[str, list[ServerEvent]] = {url: [] for url in urls}

    async def run(self) -> None:
        """Listen at all edges, and go on behind the last id whenever one breaks off."""
        await asyncio.gather(*(self._listen(url) for url in self._urls))

    async def check(self, conn: asyncpg.Connection) -> list[str]:
        """What is wrong with what was heard."""
        rows = await conn.fetch("select position, type from log.events where tenant_id = $1 order by position", self._tenant.id)
        wanted = [(row["position"], kind_of(row["type"]).name) for row in rows if kind_of(row["type"]).public]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CAUGHT_UP):
                while any(len(heard) < len(wanted) for heard in self.heard.values()):
                    await asyncio.sleep(0.1)
        return [text for url in self._urls for text in self._compared(url, wanted)]

    def _compared(self, url: str, wanted: list[tuple[int, str]]) -> list[str]:
        heard = [(position_of(event.id), event.type) for event in self.heard[url]]
        if heard == wanted:
            return []
        missing, foreign = sorted(set(wanted) - set(heard)), sorted(set(heard) - set(wanted))
        return [f"the feed at {url} is not the log: missing {missing[:5]}, foreign {foreign[:5]}, {len(heard)} heard of {len(wanted)}"]

    async def _listen(self, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)  # a silent stream has a comment each ten seconds
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with aiohttp.ClientSession(timeout=timeout) as http:
                    last = self.heard[url][-1].id if self.heard[url] else "0"
                    headers = {"Authorization": f"Bearer {self._tenant.api_key}", "Last-Event-ID": last}
                    async with http.get(f"{url}/v1/events", headers=headers) as answer:
                        if answer.status == 200:
                            async for event in events(answer.content):
                                if event.id:
                                    self.heard[url].append(event)
            await asyncio.sleep(AGAIN)


def position_of(id: str) -> int:
    """The position in an event's id, which may begin with its epoch."""
    return int(id.rpartition(".")[2])
