"""Wires between the nodes and the servers that can be cut: a TCP proxy, so that one node is cut off while all others work."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

Cut = Literal["silent", "broken"]  # silent: bytes wait, as if packets were lost; broken: connections end, and new ones are refused
CHUNK = 1 << 16


class Wire:
    """Forwards TCP from a port of its own to `target`; whoever is at the other end can be cut off. Use as `async with`."""

    def __init__(self, target: Callable[[], int], whose: Callable[[int], str] = lambda port: "") -> None:
        """`target` gives the server's port on this machine, `whose` tells by a client's port whom a connection belongs to."""
        self._target, self._whose = target, whose
        self._cuts: dict[str, Cut] = {}
        self._healed: dict[str, asyncio.Event] = {}
        self._writers: dict[str, set[asyncio.StreamWriter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for owner in list(self._writers):
            self._abort(owner)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, owner: str, how: Cut) -> None:
        """From now on nothing of this owner gets through, in either direction."""
        self._cuts[owner] = how
        self._healed[owner] = asyncio.Event()
        if how == "broken":
            self._abort(owner)

    def heal(self, owner: str) -> None:
        """Let this owner through again; what waited on a silent wire arrives now, late."""
        if self._cuts.pop(owner, None) is not None:
            self._healed.pop(owner).set()

    def _abort(self, owner: str) -> None:
        for writer in self._writers.pop(owner, set()):
            writer.transport.abort()

    async def _clear(self, owner: str) -> None:
        while (healed := self._healed.get(owner)) is not None:
            await healed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        owner = self._whose(writer.get_extra_info("peername")[1])
        if self._cuts.get(owner) == "broken":
            writer.transport.abort()
            return
        mine = self._writers.setdefault(owner, set())
        mine.add(writer)
        await self._clear(owner)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        mine.add(up_writer)
        for source, sink in ((reader, up_writer), (up_reader, writer)):
            task = asyncio.create_task(self._pump(owner, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, owner: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._clear(owner)
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.close()
        self._writers.get(owner, set()).discard(sink)
