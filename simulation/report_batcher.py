"""How simulated nodes' reports reach the broker: all that were made meanwhile in one write, with one acknowledgement.

Real nodes have machines of their own for this; what a thousand of them would spend on it must not be taken from the farm that is measured.
"""

import asyncio

from adapters.nats import Connection, Frame, StreamError, begin_row, stored
from contracts.actors import acting_node
from contracts.envelope import Envelope
from contracts.message import Report, encode, type_of

MOST = 500  # reports in a write
PAUSE = 0.1  # seconds until what was not acknowledged is sent again


class ReportBatcher:
    """Reports on their way; the farm takes one that comes again once."""

    def __init__(self, nc: Connection) -> None:
        self._nc = nc
        self._waiting: list[Frame] = []
        self._more = asyncio.Event()

    def post(self, report: Report, envelope: Envelope) -> None:
        """Have a node's report delivered; the node is the envelope's actor."""
        self._waiting.append(Frame(type_of(report).subject(acting_node(envelope.actor)), envelope.lines(), encode(report)))
        self._more.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                row, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._deliver(row)

    async def _deliver(self, row: list[Frame]) -> None:
        while True:
            try:
                await stored(await begin_row(self._nc, row))
            except StreamError:
                await asyncio.sleep(PAUSE)
            else:
                return
