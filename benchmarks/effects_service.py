"""A world for the measurement of effects, a process of its own: one line in, one line out, and a count of every key.

`do KEY` does and remembers, `of KEY` tells how often that was done, `all` how many keys there are and how many were done more than once.
"""

import asyncio
import contextlib
import sys
from collections import Counter, deque

import uvloop

from consumers.runtime.effects.declared import Call, NotSent

DONE: Counter[bytes] = Counter()


class _Serving(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._rest = transport, b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._transport.write(b"".join(map(_answer, lines)))  # type: ignore[attr-defined]


def _answer(line: bytes) -> bytes:
    word, _, key = line.partition(b" ")
    if word == b"do":
        DONE[key] += 1
        return b"done\n"
    if word == b"of":
        return b"%d\n" % DONE[key]
    return b"%d %d\n" % (len(DONE), sum(count > 1 for count in DONE.values()))


class OutsideService:
    """One connection to it, over which many ask at once."""

    def __init__(self, port: int) -> None:
        self._port, self._asked = port, deque[asyncio.Future[bytes]]()
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect; raises OSError."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._hearing = asyncio.create_task(self._hear(reader))

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            with contextlib.suppress(asyncio.InvalidStateError):  # nobody waits any more
                self._asked.popleft().set_result(line.strip())

    async def say(self, line: bytes, call: Call | None = None) -> bytes:
        """Its answer. Raises NotSent before `open`."""
        if self._writer is None:
            raise NotSent("the world is not connected")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if call is not None:
            call.begin()
        self._writer.write(line + b"\n")
        self._asked.append(answer)
        return await answer


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Serving, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(uvloop.run(_serve()))
