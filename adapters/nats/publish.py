"""Storing messages in a stream: one by a plain publish, several by an atomic batch, which costs the server one fsync for all."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from nats.aio.msg import Msg

from adapters.nats.connection import Connection, NoAnswer, answer_of

MOST_IN_BATCH = 1000  # the server's limit (nats-server 2.15, JSMaxBatchSize)
# Messages that are stored sooner each by itself: for a batch the server makes a folder with files, synced like all it writes.
# Measured: 2 in 1.4 ms by themselves and 4.7 as a batch, 8 in 5.0 and 7.5, 16 in 7.3 and 6.4, 64 in 25 and 6.4.
FEW = 8
Answer: TypeAlias = asyncio.Future[Msg]


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


async def begin(nc: Connection, frames: Sequence[Frame], *, expected_last: int | None = None) -> Answer:
    """Send `frames` as `store` does and return what `stored` waits for: the next may be sent before the last is acknowledged."""
    return _sent(nc, frames, *await nc.expect({frame.subject for frame in frames}), expected_last)


def begin_now(nc: Connection, frames: Sequence[Frame]) -> Answer | None:
    """As `begin`, but sent before this returns; None where the connection is not ready for it. Raises ConnectionLost."""
    if not (nc.is_connected and nc.hears_answers):
        return None
    return _sent(nc, frames, *nc.expect_now({frame.subject for frame in frames}), None)


def _sent(nc: Connection, frames: Sequence[Frame], reply: str, answer: Answer, expected_last: int | None) -> Answer:
    try:
        nc.send_now(_messages(frames, reply, expected_last))
    except BaseException:
        answer.cancel()
        raise
    return answer


async def stored(answer: Answer, within: float = 5.0) -> int:
    """Wait until what `begin` sent is stored; see `store`."""
    try:
        return int(answer_of(await asyncio.wait_for(answer, within))["seq"])
    except TimeoutError:
        raise NoAnswer(f"the stream did not acknowledge within {within:.1f} s") from None


def _messages(frames: Sequence[Frame], reply: str, expected_last: int | None) -> Iterator[tuple[str, bytes, bytes, str]]:
    """Subject, body, header lines and reply of each message. Raises ValueError for too many."""
    if not 1 <= len(frames) <= MOST_IN_BATCH:
        raise ValueError(f"a batch holds 1 to {MOST_IN_BATCH} messages, not {len(frames)}")
    first = b"" if expected_last is None else b"Nats-Expected-Last-Sequence: %d\r\n" % expected_last
    if len(frames) == 1:
        yield frames[0].subject, frames[0].body, frames[0].lines + first, reply
        return
    batch = uuid4().hex.encode()
    for position, frame in enumerate(frames, 1):
        lines = b"%bNats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n" % (frame.lines, batch, position)
        if position == 1:
            lines += first
        if position == len(frames):
            lines += b"Nats-Batch-Commit: 1\r\n"
        yield frame.subject, frame.body, lines, reply if position == len(frames) else ""
