"""The counting world: it does whatever it is asked to, however often, remembers every key, and tells what became of one."""

import asyncio
import random
from collections import Counter
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class OutsideService:
    """An HTTP server; use `async with`. `lost` is the share of what it does of which it never says so, `refused` of what it does not do."""

    def __init__(self, chance: random.Random, *, lost: float = 0.0, refused: float = 0.0, slow: float = 0.02) -> None:
        self._chance, self._lost, self._refused, self._slow = chance, lost, refused, slow
        self.done: Counter[str] = Counter()  # by key
        self.kinds: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.reports: dict[str, set[str]] = {}  # the ids of commands that report a key
        self.reporting = True  # whether reports are taken
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/do/{kind}/{key}", self._do)
        app.router.add_get("/of/{key}", self._of)
        app.router.add_post("/report/{key}/{id}", self._report)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _do(self, request: web.Request) -> web.StreamResponse:
        kind, key = request.match_info["kind"], request.match_info["key"]
        if kind != "mail" and self._chance.random() < self._refused:
            return web.Response(status=503)
        self.done[key] += 1
        self.kinds[key] = kind
        await asyncio.sleep(self._chance.random() * self._slow)
        if kind != "mail" and self._chance.random() < self._lost and request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _of(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        self.asked[key] += 1
        return web.json_response({"done": self.done[key] > 0})

    async def _report(self, request: web.Request) -> web.Response:
        if not self.reporting:
            return web.Response(status=503)
        self.reports.setdefault(request.match_info["key"], set()).add(request.match_info["id"])
        return web.Response()

    def twice(self, *kinds: Any) -> list[str]:
        """Keys of these kinds that were done more than once."""
        return [key for key, count in self.done.items() if count > 1 and self.kinds[key] in kinds]
