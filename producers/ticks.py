"""Lossy telemetry: ticks go out on core NATS, unacknowledged, and are dropped while the connection is away."""

from uuid import UUID

from adapters.nats import Connection, ConnectionLost
from contracts.message import Tick, encode, type_of


class Ticks:
    """Emits ticks over one connection."""

    def __init__(self, nc: Connection) -> None:
        self._nc = nc

    async def emit(self, tick: Tick, scope: UUID | str) -> None:
        """Send a tick under its node or tenant; never waits for the server and never fails for want of one."""
        try:
            await self._nc.send(type_of(tick).subject(scope), encode(tick))
        except ConnectionLost:
            return
