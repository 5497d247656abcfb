"""A wire between a client and nats-server on which the server's answers can get lost."""

import asyncio
from typing import Self
from urllib.parse import urlsplit


class LossyWire:
    """Forwards TCP to a server; connections can lose the answers, and can be cut."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._target = parts.hostname, parts.port
        self._swallowing = False
        self.carried = 0  # bytes of answers
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        self._server.close()

    def swallow_answers(self) -> None:
        """From now on, until `cut`, nothing that the server says arrives."""
        self._swallowing = True

    async def cut(self) -> None:
        """Close every connection; new ones work again."""
        self._swallowing = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, up_writer]
        for source, sink, answers in ((reader, up_writer, False), (up_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while data := await source.read(65536):
                if not (answers and self._swallowing):
                    self.carried += len(data) if answers else 0
                    sink.write(data)
                    await sink.drain()
        except OSError:
            return
        finally:
            sink.transport.abort()
