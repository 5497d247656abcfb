"""Storing messages in a stream: one by a plain publish, several by an atomic batch, which costs the server one fsync for all."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from nats.aio.msg import Msg

from adapters.nats.connection import Connection, NoAnswer, answer_of

MOST_IN_BATCH = 1000  # the server's limit (nats-server 2.15, JSMaxBatchSize)


class Frame(NamedTuple):
    """One message ready to be sent; `lines` are its encoded header lines."""

    subject: str
    lines: bytes
    body: bytes


async def store(nc: Connection, frames: Sequence[Frame], *, within: float = 5.0, expected_last: int | None = None) -> int:
    """Store all of `frames`, of one stream, or none; returns the stream's sequence of the last of them.

    With `expected_last` the stream's last sequence must be that, else ApiError 10071. Raises ConnectionLost, NoAnswer, Unavailable,
    PublishForbidden, ApiError. After ConnectionLost and NoAnswer they may have been stored.
    """
    return await stored(await begin(nc, frames, expected_last=expected_last), within)


async def begin(nc: Connection, frames: Sequence[Frame], *, expected_last: int | None = None) -> "asyncio.Future[Msg]":
    """Send `frames` as `store` does and return what `stored` waits for: the next may be sent before the last is acknowledged."""
    if not 1 <= len(frames) <= MOST_IN_BATCH:
        raise ValueError(f"a batch holds 1 to {MOST_IN_BATCH} messages, not {len(frames)}")
    reply, future = await nc.expect({frame.subject for frame in frames})
    first = b"" if expected_last is None else b"Nats-Expected-Last-Sequence: %d\r\n" % expected_last
    try:
        if len(frames) == 1:
            await nc.send(frames[0].subject, frames[0].body, frames[0].lines + first, reply)
        else:
            await _send_batch(nc, frames, first, reply)
    except BaseException:
        future.cancel()
        raise
    return future


async def stored(answer: "asyncio.Future[Msg]", within: float = 5.0) -> int:
    """Wait until what `begin` sent is stored; see `store`."""
    try:
        return int(answer_of(await asyncio.wait_for(answer, within))["seq"])
    except TimeoutError:
        raise NoAnswer(f"the stream did not acknowledge within {within:.1f} s") from None


async def _send_batch(nc: Connection, frames: Sequence[Frame], first: bytes, reply: str) -> None:
    batch = uuid4().hex.encode()
    last = len(frames) - 1
    for position, frame in enumerate(frames):
        lines = b"%bNats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n" % (frame.lines, batch, position + 1)
        if position == 0:
            lines += first
        if position == last:
            lines += b"Nats-Batch-Commit: 1\r\n"
        await nc.send(frame.subject, frame.body, lines, reply if position == last else "")
