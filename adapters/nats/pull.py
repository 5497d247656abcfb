"""The pull loop: keeps pulls outstanding so that messages flow without a request each, and comes back after any loss."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from adapters.nats.connection import API, Connection, ConnectionLost, StreamError, api

log = logging.getLogger(__name__)

HEARTBEAT = 4.0  # seconds between the server's signs of life on an outstanding pull
EXPIRES = 30.0  # seconds until an unfilled pull ends by itself
# The same for the one consumer of a stream, whose process another may follow: until then the server hands what comes to one that froze.
SHORT = 4.0
SILENCE = 2.5 * HEARTBEAT  # without a sign of life for so long, what is outstanding counts as lost
MISSING_AFTER = 2.0  # seconds that a consumer may be away before that is an error: JetStream may just be starting
LONGEST_PAUSE = 1.0
GIVING_BACK = 2.0  # seconds in which the server has to have heard what it is given back
TIDY_EVERY = 5.0  # seconds between removals of acknowledged messages


class ConsumerMissing(StreamError):
    """The durable consumer does not exist, or this user may not pull from it."""


async def ack(msg: Msg) -> None:
    """Done with it; not confirmed by the server, so it may be delivered once more. Lost, without an error, while there is no connection."""
    await _answer(msg, b"+ACK")


async def nak(msg: Msg, delay: float = 0.0) -> None:
    """Deliver it again, not before `delay` seconds."""
    await _answer(msg, b'-NAK {"delay": %d}' % int(delay * 1e9) if delay > 0 else b"-NAK")


def ack_all(messages: Sequence[Msg]) -> None:
    """`ack` for messages of one connection, in one write."""
    _answer_all([(msg, b"+ACK") for msg in messages])


def nak_all(messages: Sequence[tuple[Msg, float]]) -> None:
    """`nak` for messages of one connection, each with its delay in seconds, in one write."""
    _answer_all([(msg, b'-NAK {"delay": %d}' % int(delay * 1e9)) for msg, delay in messages])


def in_progress(messages: Sequence[Msg]) -> None:
    """They are in good hands: for another ack_wait none of them is delivered again; messages of one connection, in one write."""
    _answer_all([(msg, b"+WPI") for msg in messages])


def _answer_all(answers: Sequence[tuple[Msg, bytes]]) -> None:
    client: Any = answers[0][0]._client if answers else None
    if client is not None and client.is_connected:
        client.send_now((msg.reply, text, b"", "") for msg, text in answers)


async def _answer(msg: Msg, text: bytes) -> None:
    client = msg._client
    # An unanswered message is delivered again after ack_wait, so an answer need not wait for the connection.
    if client.is_connected:
        await client.publish(msg.reply, text)


def deliveries_of(msg: Msg) -> int:
    """How often a consumer's message was delivered, this time included."""
    return int(_counted(msg)[0])


def sequences_of(msg: Msg) -> tuple[int, int]:
    """The sequences in the stream and of the consumer."""
    _, stream, consumer = _counted(msg)
    return int(stream), int(consumer)


def _counted(msg: Msg) -> list[str]:
    """The three tokens before the time in the reply subject, with a domain and an account or without: deliveries and both sequences."""
    tokens = msg.reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    return tokens[at : at + 3]


class PullConsumer:
    """Messages of one durable pull consumer; `window` is how many may be on their way or in the buffer at most.

    What is not acked within the consumer's ack_wait is delivered again. With `owns_stream` this consumer is the stream's only one, and
    what it has acknowledged is removed from the stream every few seconds.
    """

    def __init__(
        self,
        nc: Connection,
        stream: str,
        durable: str,
        *,
        window: int = 1000,
        acknowledged: bool = True,
        owns_stream: bool = False,
        prefix: str = API,
    ) -> None:
        self._nc = nc
        self._place = f"{stream}.{durable}", stream
        self._owns_stream = owns_stream
        self.floor = 0  # the stream's sequence up to which all was acknowledged, by whomever, or removed; known of its own stream only
        self._delivered = 0
        self._tidied = 0  # of `_delivered`, known to be gone from the stream
        self._tidied_at = 0.0
        self._name = f"consumer {durable} on stream {stream}"
        self._subject = f"{prefix}.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._window = window
        self._acknowledged = acknowledged
        self._buffer: deque[Msg] = deque()
        self._outstanding = 0
        self._pulls = 0
        self._forgotten = 0  # pulls up to this number count as ended; what is still said of them is ignored
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._arrived = asyncio.Event()
        self._heard = 0.0
        self._missing_since: float | None = None
        self._pause = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._retry: asyncio.Task[None] | None = None

    async def next(self, limit: int, wait: float) -> list[Msg]:
        """Up to `limit` messages as soon as there are any, or none after `wait` seconds.

        Raises ConsumerMissing when the consumer has been away for two seconds, ConnectionLost when the connection is closed for good.
        """
        if self._subscription is None:
            await self._start()
        if not self._buffer and wait > 0:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # not wait_for, which can swallow a cancellation before Python 3.12
                    await self._arrived.wait()
            if not self._buffer:
                self._complain()
        taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        self._delivered += len(taken)
        await self._top_up()
        return taken

    def wake(self) -> None:
        """Let a waiting `next` return."""
        self._arrived.set()

    async def close(self) -> None:
        """Stop pulling and give the buffered messages back, so that another process gets them at once; `next` would begin anew.

        A server that does not answer is not waited for: what it was not given back it delivers after ack_wait.
        """
        self._nc.on_back.discard(self._renew)
        if self._watch:
            self._watch.cancel()
        subscription, self._subscription, self._outstanding = self._subscription, None, 0
        buffered = list(self._buffer)
        self._buffer.clear()
        if subscription is None or self._nc.is_closed:
            return
        await subscription.unsubscribe()
        if self._nc.is_connected and self._acknowledged:
            for msg in buffered:
                await nak(msg)
            with suppress(TimeoutError):
                async with asyncio.timeout(GIVING_BACK):
                    await self._nc.flush()

    async def _start(self) -> None:
        self._nc.on_back.add(self._renew)
        self._inbox = self._nc.new_inbox()
        self._subscription = await self._nc.subscribe_at_once(f"{self._inbox}.*", self._take)
        self._watch = asyncio.create_task(self._watchdog(), name=f"watch {self._name}")
        await self._top_up()

    def _take(self, msg: Msg) -> None:
        self._heard = time.monotonic()
        status = msg.headers.get("Status") if msg.headers and not msg.reply.startswith("$JS.ACK") else None
        if status is not None:
            self._status(status, msg)
            return
        self._outstanding = max(0, self._outstanding - 1)
        self._missing_since = None
        self._buffer.append(msg)
        self._arrived.set()

    def _status(self, status: str, msg: Msg) -> None:
        """A pull ended, or lives: 100 heartbeat, 404 and 408 unfilled, 409 refused or consumer gone, 503 nobody there."""
        number = int(msg.subject.rpartition(".")[2])
        words = (msg.headers or {}).get("Description", "")
        if status == "100":
            self._missing_since = None
            self._pause = 0.0
            return
        if number <= self._forgotten:
            return
        left = (msg.headers or {}).get("Nats-Pending-Messages")
        self._outstanding = max(0, self._outstanding - int(left)) if left else 0
        gone = status == "503" or "deleted" in words.lower()
        if gone and self._missing_since is None:
            self._missing_since = asyncio.get_running_loop().time()
        if self._is_missing():
            self._arrived.set()
        if status in ("404", "408"):
            self._again()
            return
        if not gone:
            log.info("%s: pull ended: %s %s", self._name, status, words)
        self._forgotten = self._pulls
        self._outstanding = 0
        self._pause = min(LONGEST_PAUSE, max(0.05, self._pause * 2))
        asyncio.get_running_loop().call_later(self._pause, self._again)

    def _again(self) -> None:
        if self._watch and not self._watch.done():
            self._retry = asyncio.create_task(self._top_up())

    async def _renew(self) -> None:
        """Forget what was outstanding, which a lost connection or a silent server will never answer, and pull anew."""
        self._forgotten = self._pulls
        self._outstanding = 0
        await self._top_up()

    async def _top_up(self) -> None:
        room = self._window - len(self._buffer) - self._outstanding
        if self._subscription is None or room < max(1, self._window // 2) or not self._nc.is_connected:
            return
        self._pulls += 1
        self._outstanding += room
        self._heard = time.monotonic()
        expires = SHORT if self._owns_stream else EXPIRES
        request = {"batch": room, "expires": int(expires * 1e9), "idle_heartbeat": int(min(HEARTBEAT, expires / 2) * 1e9)}
        await self._nc.publish(self._subject, json.dumps(request).encode(), reply=f"{self._inbox}.{self._pulls}")

    async def _watchdog(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            if self._nc.is_closed or self._subject.lower() in self._nc.refusals:
                self._arrived.set()
            silent = time.monotonic() - self._heard
            if self._nc.is_connected and self._outstanding and silent > SILENCE:
                log.warning("%s: no sign of life for %.1f s; pulling anew", self._name, silent)
                await self._renew()
            if self._owns_stream and self._delivered != self._tidied and asyncio.get_running_loop().time() - self._tidied_at > TIDY_EVERY:
                await self._tidy()

    async def _tidy(self) -> None:
        """Remove what was acknowledged without a gap."""
        self._tidied_at = asyncio.get_running_loop().time()
        delivered = self._delivered
        consumer, stream = self._place
        try:
            info = await api(self._nc, f"CONSUMER.INFO.{consumer}")
            floor = info["ack_floor"]["stream_seq"]
            await api(self._nc, f"STREAM.PURGE.{stream}", {"seq": floor + 1})
        except StreamError as error:
            log.warning("acknowledged messages stay in the stream %s for now: %s", stream, error)
            return
        self.floor = floor
        if not info["num_ack_pending"]:
            self._tidied = delivered

    def _complain(self) -> None:
        if self._nc.is_closed:
            raise ConnectionLost("the connection to NATS was closed for good")
        if reason := self._nc.refusals.get(self._subject.lower()):
            raise ConsumerMissing(f"{self._name} may not be pulled by this user: {reason}")
        if self._is_missing():
            raise ConsumerMissing(f"the {self._name} does not exist; `flatrender provision` makes it")

    def _is_missing(self) -> bool:
        return self._missing_since is not None and asyncio.get_running_loop().time() - self._missing_since > MISSING_AFTER
