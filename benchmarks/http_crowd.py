"""A crowd in its own process: idle connections, slow bodies and readers of event streams; says `there` when all have come, and stays."""

import asyncio
import resource
import sys
from collections.abc import Callable
from itertools import cycle
from typing import Any

BYTE_EVERY = 1.0  # seconds between two bytes of a slow body
AT_ONCE = 100  # connections that are opened together
_WHO = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n"
_SLOW = b"POST /v1/saved-projects" + _WHO + b"Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
_READ = b"GET /v1/events" + _WHO + b"\r\n"


class Member(asyncio.Protocol):
    """One connection, which says something at first; `heard` is set by the first answer."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self.heard = asyncio.Event()
        self.answer = b""
        self.lost = False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self._first:
            transport.write(self._first)

    def data_received(self, data: bytes) -> None:
        if not self.answer:
            self.answer = data
            self.heard.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.heard.set()


async def _open(port: int, count: int, first: Callable[[], bytes]) -> list[Member]:
    loop, members = asyncio.get_running_loop(), []
    for start in range(0, count, AT_ONCE):
        opening = [loop.create_connection(lambda: Member(first()), "127.0.0.1", port) for _ in range(min(AT_ONCE, count - start))]
        members += [member for _, member in await asyncio.gather(*opening)]
    return members


async def _trickle(port: int, members: list[Member], first: Callable[[], bytes]) -> None:
    """A byte each second; whoever was sent away comes again."""
    while True:
        await asyncio.sleep(BYTE_EVERY)
        gone = [member for member in members if member.lost or member.answer]
        for member in members:
            if not member.lost:
                member.transport.write(b" ")
        for member in gone:
            members.remove(member)
            member.transport.abort()
        members += await _open(port, len(gone), first)


async def crowd(port: int, idle: int, slow: int, readers: int, keys: list[str]) -> None:
    """Come, say so, and stay until killed."""
    turns = cycle([key.encode() for key in keys])
    reading = await _open(port, readers, lambda: _READ % next(turns))
    for member in reading:
        await member.heard.wait()
    if wrong := [member for member in reading if not member.answer.startswith(b"HTTP/1.1 200")]:
        print(f"{len(wrong)} readers were refused: {wrong[0].answer[:300]!r}", flush=True)
        return
    await _open(port, idle, lambda: b"")
    slowly = await _open(port, slow, lambda: _SLOW % next(turns))
    print("there", flush=True)
    await _trickle(port, slowly, lambda: _SLOW % next(turns))


if __name__ == "__main__":
    import uvloop

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, idle, slow, readers = map(int, sys.argv[1:5])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(crowd(port, idle, slow, readers, sys.argv[5:]))
