"""Reading a stream in order from a position on, without gaps, by ephemeral consumers that are made anew after any loss."""

import asyncio
import logging
from uuid import uuid4

from nats.aio.msg import Msg

from adapters.nats.connection import Connection, ConnectionLost, StreamError, api
from adapters.nats.pull import PullConsumer

log = logging.getLogger(__name__)

FORGOTTEN_AFTER = 10_000_000_000  # nanoseconds without a pull until the server removes the consumer
RETRY_PAUSE = 0.25  # seconds


class PositionGone(StreamError):
    """The stream does not hold the position any more that comes next."""


class StreamReader:
    """The messages of a stream after the sequence `after`, each once and in order; nothing is acknowledged."""

    def __init__(self, nc: Connection, stream: str, after: int, *, window: int = 2000) -> None:
        self._nc = nc
        self._stream = stream
        self.position = after
        self._window = window
        self._pull: PullConsumer | None = None
        self._fresh = False
        self._stale = False
        self._complaint = ""
        nc.on_back.add(self._was_away)

    async def next(self, limit: int, wait: float) -> list[Msg]:
        """Up to `limit` messages as soon as there are any, or none after `wait` seconds; a missing stream is waited for.

        Raises PositionGone when the stream begins after the position that comes next, ConnectionLost when the connection was closed.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wait
        while True:
            left = max(0.0, give_up - loop.time())
            try:
                if self._pull is None or self._stale:
                    await self._make()
                assert self._pull is not None
                taken = self._in_order(await self._pull.next(limit, left))
            except StreamError as error:
                self._wait_or_raise(error)
                await asyncio.sleep(min(RETRY_PAUSE, left))
                taken = []
            if taken or loop.time() >= give_up:
                return taken

    async def close(self) -> None:
        """Stop reading; the server forgets the consumer by itself."""
        self._nc.on_back.discard(self._was_away)
        if self._pull:
            await self._pull.close()

    async def _was_away(self) -> None:
        # What was on its way to a lost connection is lost, as nothing is acknowledged.
        self._stale = True
        if self._pull:
            self._pull.wake()

    async def _make(self) -> None:
        if self._pull:
            await self._pull.close()
            self._pull = None
        name = f"reader-{uuid4().hex}"
        config = {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.position + 1,
            "ack_policy": "none",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": FORGOTTEN_AFTER,
        }
        self._stale = False
        await api(self._nc, f"CONSUMER.CREATE.{self._stream}.{name}", {"stream_name": self._stream, "config": config, "action": "create"})
        self._pull = PullConsumer(self._nc, self._stream, name, window=self._window, acknowledged=False)
        self._fresh = True
        self._complaint = ""

    def _in_order(self, messages: list[Msg]) -> list[Msg]:
        """Those that continue the sequence; at a hole the reader begins anew behind the last good one."""
        taken: list[Msg] = []
        for msg in messages:
            sequence = sequence_of(msg)
            if sequence <= self.position:
                continue
            if sequence > self.position + 1:
                if self._fresh:
                    raise PositionGone(f"the stream {self._stream} begins at {sequence}; {self.position + 1} is needed")
                self._stale = True
                break
            self._fresh = False
            self.position = sequence
            taken.append(msg)
        return taken

    def _wait_or_raise(self, error: StreamError) -> None:
        if self._nc.is_closed:
            raise ConnectionLost("the connection to NATS was closed for good") from error
        if isinstance(error, PositionGone):
            raise error
        self._stale = True
        if str(error) != self._complaint:
            self._complaint = str(error)
            log.warning("the stream %s cannot be read just now: %s", self._stream, error)


def sequence_of(msg: Msg) -> int:
    """The stream sequence: a token of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.…` (or with domain and account)."""
    tokens = msg.reply.split(".")
    return int(tokens[5] if len(tokens) == 9 else tokens[7])
