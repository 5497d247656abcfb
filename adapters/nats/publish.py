"""Storing messages in a stream: one by a plain publish, several by an atomic batch, which costs the server one fsync for all.

Streams of copies (contracts/catalogue) are not synced and take no batches: there messages go in a row, of which the last is acknowledged.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from nats.aio.msg import Msg

from adapters.nats.connection import Connection, NoAnswer, answer_of

MOST_IN_BATCH = 1000  # the server's limit (nats-server 2.15, JSMaxBatchSize)
# Messages that are stored sooner each by itself: for a batch the server makes a folder with files, synced like all it writes.
# Measured: 2 in 1.4 ms by themselves and 4.7 as a batch, 8 in 5.0 and 7.5, 16 in 7.3 and 6.4, 64 in 25 and 6.4.
FEW = 8
Answer: TypeAlias = asyncio.Future[Msg]
_Message: TypeAlias = tuple[str, bytes, bytes]  # subject, body, header lines


class Frame(NamedTuple):
    """One message ready to be sent; `lines` are its encoded header lines, `id` one that nobody else can know, for `begin_row`."""

    subject: str
    lines: bytes
    body: bytes
    id: str = ""


async def store(nc: Connection, frames: Sequence[Frame], *, within: float = 5.0) -> int:
    """Store all of `frames`, of one stream, or none; returns the stream's sequence of the last of them.

    Raises ConnectionLost, NoAnswer, Unavailable, PublishForbidden, ApiError. After ConnectionLost and NoAnswer they may have been stored.
    """
    return await stored(_sent(nc, _batch(frames), *await nc.expect({frame.subject for frame in frames})), within)


async def begin_each(nc: Connection, frames: Sequence[Frame]) -> list[Answer]:
    """Send `frames` in one go, each to be stored and acknowledged by itself: what `stored` waits for, in their order."""
    expected = [await nc.expect({frame.subject}) for frame in frames]
    answers = [answer for _, answer in expected]
    _send(nc, ((frame.subject, frame.body, frame.lines, reply) for frame, (reply, _) in zip(frames, expected, strict=True)), answers)
    return answers


async def begin_row(nc: Connection, frames: Sequence[Frame], *, expected_last: int | None = None, behind: str = "") -> Answer:
    """Send `frames`, of one stream that takes no batches, in a row; `stored` then waits for the acknowledgement of the last.

    With `expected_last` the stream's last sequence must be that, and its last message the one with the id `behind`, if that is given:
    all frames, which have ids then, are stored, or the first of them up to one that failed, and then `stored` raises ApiError 10070 or
    10071. The sequence alone would not do it: a foreign message in the place of one that failed lets those behind it fit.
    Without it only the last is known to be stored.
    """
    return _sent(nc, _row(frames, expected_last, behind), *await nc.expect({frame.subject for frame in frames}))


def begin_now(nc: Connection, frames: Sequence[Frame]) -> Answer | None:
    """Send as `store` does, before this returns; None where the connection is not ready for it. Raises ConnectionLost."""
    if not (nc.is_connected and nc.hears_answers):
        return None
    return _sent(nc, _batch(frames), *nc.expect_now({frame.subject for frame in frames}))


def _sent(nc: Connection, messages: Iterable[_Message], reply: str, answer: Answer) -> Answer:
    _send(nc, _answered(messages, reply), [answer])
    return answer


def _send(nc: Connection, messages: Iterable[tuple[str, bytes, bytes, str]], answers: Sequence[Answer]) -> None:
    """Send, or expect no answers any more."""
    try:
        nc.send_now(messages)
    except BaseException:
        for answer in answers:
            answer.cancel()
        raise


async def stored(answer: Answer, within: float = 5.0) -> int:
    """Wait until what was sent is stored; see `store`."""
    try:
        return int(answer_of(answer.result() if answer.done() else await asyncio.wait_for(answer, within))["seq"])
    except TimeoutError:
        raise NoAnswer(f"the stream did not acknowledge within {within:.1f} s") from None


def _batch(frames: Sequence[Frame]) -> Iterator[_Message]:
    """One message as it is, several as an atomic batch. Raises ValueError for too many."""
    if not 1 <= len(frames) <= MOST_IN_BATCH:
        raise ValueError(f"a batch holds 1 to {MOST_IN_BATCH} messages, not {len(frames)}")
    if len(frames) == 1:
        yield frames[0].subject, frames[0].body, frames[0].lines
        return
    batch = uuid4().hex.encode()
    for position, frame in enumerate(frames, 1):
        commit = b"Nats-Batch-Commit: 1\r\n" if position == len(frames) else b""
        yield frame.subject, frame.body, b"%bNats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n%b" % (frame.lines, batch, position, commit)


def _row(frames: Sequence[Frame], expected_last: int | None, behind: str) -> Iterator[_Message]:
    for position, frame in enumerate(frames):
        if expected_last is None:
            yield frame.subject, frame.body, frame.lines
            continue
        follows = f"Nats-Expected-Last-Msg-Id: {behind}\r\n" if behind else ""
        expected = f"Nats-Expected-Last-Sequence: {expected_last + position}\r\n{follows}Nats-Msg-Id: {frame.id}\r\n"
        yield frame.subject, frame.body, frame.lines + expected.encode()
        behind = frame.id


def _answered(messages: Iterable[_Message], reply: str) -> Iterator[tuple[str, bytes, bytes, str]]:
    """The messages, the last of which is to be acknowledged."""
    last: _Message | None = None
    for message in messages:
        if last is not None:
            yield *last, ""
        last = message
    if last is not None:
        yield *last, reply
