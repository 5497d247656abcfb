"""Reading a stream in order from a position on, without gaps, by ephemeral consumers that are made anew after any loss."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

from nats.aio.msg import Msg

from adapters.nats.connection import API, ApiError, Connection, ConnectionLost, StreamError, api, header_lines
from adapters.nats.pull import PullConsumer, sequences_of

log = logging.getLogger(__name__)

FORGOTTEN_AFTER = 10_000_000_000  # nanoseconds without a pull until the server removes the consumer
RETRY_PAUSE = 0.25  # seconds


class PositionGone(StreamError):
    """The stream does not hold the position any more that comes next."""


class ForeignMessage(StreamError):
    """The stream holds a message that does not belong there; whoever keeps the stream has to make it anew."""


Genuine: TypeAlias = Callable[[int, Mapping[str, str] | None, bytes], bool]
"""Whether a message belongs to the stream: by its sequence, headers and body."""


class StreamReader:
    """The messages of a stream after the sequence `after`, each once and in order; nothing is acknowledged.

    With `subjects` only theirs: the server passes over the others. `knows` gives what tells genuine messages from foreign ones; it is
    asked for anew whenever reading begins anew, with the sequence at which the stream ends then. A foreign message is never given out: the
    reader waits until the stream was made anew.
    `prefix` is where JetStream is asked about this stream.
    """

    def __init__(
        self,
        nc: Connection,
        stream: str,
        after: int,
        *,
        subjects: Sequence[str] = (),
        window: int = 2000,
        knows: Callable[[int], Awaitable[Genuine]] | None = None,
        prefix: str = API,
    ) -> None:
        self._nc = nc
        self._prefix = prefix
        self._stream = stream
        self._subjects = list(subjects)
        self._name = ""
        self._delivered = 0  # by the present consumer
        self.position = after
        self._window = window
        self._pull: PullConsumer | None = None
        self._knows = knows
        self._is_genuine: Genuine | None = None
        self._foreign = 0  # the sequence of a foreign message behind those that were given out
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
                if self._foreign and not taken:
                    raise ForeignMessage(f"at {self._foreign} is a message that does not belong there")
            except StreamError as error:
                self._wait_or_raise(error)
                await asyncio.sleep(min(RETRY_PAUSE, left))
                taken = []
            if taken:
                self._complaint = ""
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
        last = await self._still_there()
        config: dict[str, Any] = {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.position + 1,
            "ack_policy": "none",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": FORGOTTEN_AFTER,
        }
        if self._subjects:
            config["filter_subjects"] = self._subjects
        self._stale = False
        self._foreign = 0
        if self._knows is not None:
            self._is_genuine = await self._knows(last)
        request = {"stream_name": self._stream, "config": config, "action": "create"}
        await api(self._nc, f"CONSUMER.CREATE.{self._stream}.{name}", request, prefix=self._prefix)
        self._pull = PullConsumer(self._nc, self._stream, name, window=self._window, acknowledged=False, prefix=self._prefix)
        self._name, self._delivered = name, 0

    async def _still_there(self) -> int:
        """Where the stream ends. Raises PositionGone when what comes next was removed already."""
        state = (await api(self._nc, f"STREAM.INFO.{self._stream}", prefix=self._prefix))["state"]
        if (first := int(state["first_seq"])) > self.position + 1:
            raise PositionGone(f"the stream {self._stream} begins at {first}; {self.position + 1} is needed")
        return int(state["last_seq"])

    async def seen_to(self) -> int:
        """The position up to which nothing is left to be read: beyond `position`, where only other subjects follow. Raises StreamError."""
        last = int((await api(self._nc, f"STREAM.INFO.{self._stream}", prefix=self._prefix))["state"]["last_seq"])
        if self._pull is None or self._stale or last <= self.position or not await self._holds_genuine(last):
            return self.position
        # Asked last: while the consumer is there, the stream is the one that was looked at.
        state = await api(self._nc, f"CONSUMER.INFO.{self._stream}.{self._name}", prefix=self._prefix)
        all_read = not state["num_pending"] and int(state["delivered"]["consumer_seq"]) == self._delivered
        return last if all_read else self.position

    async def _holds_genuine(self, sequence: int) -> bool:
        """Whether the last message is genuine, and so all before it: who writes the stream expects what it wrote before."""
        if self._is_genuine is None:
            return True
        try:
            found = (await api(self._nc, f"STREAM.MSG.GET.{self._stream}", {"seq": sequence}, prefix=self._prefix))["message"]
        except ApiError:  # it went meanwhile
            return False
        headers = header_lines(base64.b64decode(found.get("hdrs", "")))
        return self._is_genuine(sequence, headers, base64.b64decode(found.get("data", "")))

    def _in_order(self, messages: list[Msg]) -> list[Msg]:
        """Those that continue the sequence and are genuine; at a hole or a foreign one the reader begins anew behind the last good one."""
        taken: list[Msg] = []
        for msg in messages:
            sequence, delivered = sequences_of(msg)
            if delivered != self._delivered + 1:
                self._stale = True
                break
            if self._is_genuine is not None and not self._is_genuine(sequence, msg.headers, msg.data):
                self._stale, self._foreign = True, sequence
                break
            self._delivered = delivered
            if sequence > self.position:
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
