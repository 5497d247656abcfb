"""The floor of the edge: an aiohttp application that reads the body and answers at once, run as the edge is run."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=b"{}", status=202, headers={"Content-Type": "application/json"})


async def _serve() -> None:
    app = web.Application()
    app.router.add_route("POST", "/v1/saved-projects", _answer)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
