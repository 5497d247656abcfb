"""Where a process of consumers shows its metrics, if it is told to: `GET /metrics`, in Prometheus' text format, measured when asked."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiohttp import web

from adapters.metrics import Gauges, Labels, Registry
from consumers.runtime.connection import DATABASE_AWAY
from deploy.gauges import GAUGES, Ask, Measured

log = logging.getLogger(__name__)
WITHIN = 5.0  # seconds in which the database answers, else what was asked for is left out


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = Registry()
        self._gauges: dict[str, Gauges] = {name: self.registry.gauges(name, about, labels) for name, (about, labels) in GAUGES.items()}
        self._asks: list[Ask] = []

    def asks(self, ask: Ask) -> None:
        """Have something measured each time that the metrics are asked for."""
        self._asks.append(ask)

    async def text(self) -> str:
        """Everything as it is now."""
        found: list[Measured] = await asyncio.gather(*map(self._ask, self._asks))
        for name, gauge in self._gauges.items():
            values: dict[Labels, float] = {}
            for measured in found:
                values |= measured.get(name, {})
            gauge.values = values
        return self.registry.text()

    async def _ask(self, ask: Ask) -> Measured:
        try:
            async with asyncio.timeout(WITHIN):
                return await ask()
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            log.warning("something cannot be measured: %s", error)
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
