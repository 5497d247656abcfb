"""The one connection to the broker: made in the background, and back by itself after every loss."""

import asyncio
from collections.abc import Awaitable, Callable

from adapters.nats import Connection, ConnectRefused, connect
from adapters.settings import Settings
from node_worker.log import error, info
from producers.publisher import Publisher
from producers.ticks import Ticks

FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0  # seconds until a refused login is tried again: node auth may just be starting


class Link:
    """Whoever needs the broker waits here until it was reached for the first time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made = asyncio.Event()
        self._connection: Connection | None = None
        self._publisher: Publisher | None = None
        self._ticks: Ticks | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached now."""
        return self._connection is not None and self._connection.is_connected

    @property
    def ticks(self) -> Ticks | None:
        """Lossy telemetry, once the broker was reached."""
        return self._ticks

    async def run(self, changed: Callable[[], Awaitable[None]], refused: Callable[[], Awaitable[None]]) -> None:
        """Connect, however long it takes.

        `changed` is called after every return of the connection, `refused` whenever the broker does not take the login.
        """
        delay = FIRST_DELAY
        while self._connection is None:
            try:
                self._connection = await connect(self._settings, f"node {self._settings.node_name}")
            except ConnectRefused as why:
                error("broker refuses the login", detail=str(why))
                await refused()
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_DELAY)
        self._connection.on_back.add(changed)
        self._connection.on_refused.add(refused)
        self._publisher, self._ticks = Publisher(self._connection), Ticks(self._connection)
        self._made.set()
        info("broker reached")
        await changed()

    async def connection(self) -> Connection:
        """The connection, once it was there."""
        await self._made.wait()
        assert self._connection is not None
        return self._connection

    async def publisher(self) -> Publisher:
        """The acknowledged way, once the broker was reached."""
        await self._made.wait()
        assert self._publisher is not None
        return self._publisher

    async def close(self) -> None:
        """Leave the broker."""
        if self._connection is not None:
            await self._connection.close()
