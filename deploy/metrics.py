"""Where a process of consumers shows its metrics, if it is told to: `GET /metrics`, in Prometheus' text format, measured when asked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from aiohttp import web

from adapters.metrics import Registry
from consumers.runtime.connection import DATABASE_AWAY

log = logging.getLogger(__name__)
WITHIN = 5.0  # seconds in which the database answers, else a domain's tables are left out
Ages = Callable[[], Awaitable[dict[str, float]]]


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = Registry()
        about = "Age of the oldest row that goes by its age or waits for something; shown by the domain's leader."
        self._oldest = self.registry.gauges("flatrender_oldest_row_seconds", about, ("table",))
        self._ages: list[Ages] = []

    def asks(self, ages: Ages) -> None:
        """Have the ages of some tables' oldest rows asked for, by the tables' names."""
        self._ages.append(ages)

    async def text(self) -> str:
        """Everything as it is now."""
        found = await asyncio.gather(*map(self._ask, self._ages))
        self._oldest.values = {(name,): age for ages in found for name, age in ages.items()}
        return self.registry.text()

    async def _ask(self, ages: Ages) -> dict[str, float]:
        try:
            async with asyncio.timeout(WITHIN):
                return await ages()
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            log.warning("the ages of tables cannot be asked for: %s", error)
            return {}

    @asynccontextmanager
    async def shown(self, host: str, port: int) -> AsyncIterator[None]:
        """Show them within the block; nowhere with port 0."""
        if port == 0:
            yield
            return
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:  # what is measured matters more than being seen
            log.error("metrics are not shown: port %d of %s cannot be had: %s", port, host, error)
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        return web.Response(body=(await self.text()).encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
