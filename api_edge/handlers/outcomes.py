"""Waits for the outcomes of commands: one subscription for the whole process, one future per request."""

import asyncio
import os

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection
from contracts.catalogue import outcome_subject, reply_subject
from contracts.outcome import Outcome

read_outcome = msgspec.json.Decoder(Outcome).decode


class Outcomes:
    """Hands out reply subjects and what arrives there."""

    def __init__(self) -> None:
        self.instance = os.urandom(8).hex()
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._count = 0

    async def listen(self, nc: Connection) -> None:
        """Subscribe; once per connection, which renews it by itself."""
        await nc.subscribe(outcome_subject(self.instance), cb=self._receive)

    def expect(self) -> tuple[str, asyncio.Future[Outcome]]:
        """A reply subject and the future of what is said there; `forget` it afterwards."""
        self._count += 1
        reply = reply_subject(self.instance, str(self._count))
        future = self._waiting[reply] = asyncio.get_running_loop().create_future()
        return reply, future

    def forget(self, reply: str) -> None:
        """Nobody waits for this any more."""
        self._waiting.pop(reply, None)

    async def _receive(self, msg: Msg) -> None:
        future = self._waiting.get(msg.subject)
        if future and not future.done():
            future.set_result(read_outcome(msg.data))
