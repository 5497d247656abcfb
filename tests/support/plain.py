"""A small application with one hot path, and requests to it byte by byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from api_edge.http.connections import Connections
from api_edge.http.plain import HOT, Plain, Site
from api_edge.http.responses import Answer

BODY = b'{"name":"x"}'
SLOW = b"slow"


def request(body: bytes = BODY, path: str = "/hot", method: str = "POST", *more: str, length: int | str | None = None) -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", "Content-Type: application/json", *more]
    lines += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Seen:
    """An application whose one hot path answers what it was sent, and by which way that came; with at most so many connections."""

    def __init__(self, most: int) -> None:
        self.connections = Connections(most)
        self.go = asyncio.Event()
        self.bodies: list[bytes] = []
        self.paths: list[str] = []

    async def answer(self, asked: web.Request) -> Answer:
        """Echo; what begins with SLOW waits for `go`."""
        body = await asked.read()
        self.bodies.append(body)
        self.paths.append(asked.path)
        if body.startswith(SLOW):
            await self.go.wait()
        way = "plain" if isinstance(asked, Plain) else "aiohttp"
        return Answer(200, {"X-Way": way}, body)

    async def whole(self, asked: web.Request) -> web.StreamResponse:
        """The same for aiohttp."""
        return (await self.answer(asked)).response()


@asynccontextmanager
async def served(most: int = 1000) -> AsyncIterator[tuple[Seen, int]]:
    """The application on a port, with so many connections at the most."""
    seen, app = Seen(most), web.Application()
    app[HOT] = {"/hot": seen.answer}
    app.router.add_route("*", "/{path:.*}", seen.whole)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await Site(runner, seen.connections, "127.0.0.1", 0).start()
    try:
        yield seen, runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answered(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The next answer: its way (or its head, where it tells of none), and its body."""
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        return fields.get("x-way", head), await reader.readexactly(int(fields["content-length"]))
