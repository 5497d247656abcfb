"""A small object server at the presigned addresses of the tests: ranges, and the misfortunes that a test asks for."""

import asyncio
import hashlib

from aiohttp import web

SECRET = "X-Amz-Signature=7ab0c1d2e3f4"


class Store:
    """Objects by key in memory; `misfortunes` are callables that answer the next requests in its place."""

    def __init__(self, port: int = 0) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, key, Range
        self.answers: list[web.Response] = []  # given instead, in order
        self.cut: list[int] = []  # the next downloads break off after so many bytes
        self.delay = 0.0
        self._runner: web.AppRunner | None = None
        self.port = port

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{key:.*}", self._serve)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, key: str) -> str:
        return f"http://127.0.0.1:{self.port}/{key}?{SECRET}"

    def add(self, data: bytes) -> tuple[str, str]:
        """Store under the SHA-256; return that and the address."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.objects[sha256] = data
        return sha256, self.url(sha256)

    def count(self, key: str) -> int:
        return sum(1 for request in self.requests if request[1] == key)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        self.requests.append((request.method, key, request.headers.get("Range", "")))
        await asyncio.sleep(self.delay)
        if self.answers:
            return self.answers.pop(0)
        if request.method == "PUT":
            self.objects[key] = await request.read()
            return web.Response()
        if key not in self.objects:
            return web.Response(status=404)
        return await self._send(request, self.objects[key])

    async def _send(self, request: web.Request, data: bytes) -> web.StreamResponse:
        start = int((request.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = len(data) - start
        await response.prepare(request)
        if self.cut:
            await response.write(data[start : start + self.cut.pop(0)])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(data[start:])
        return response
