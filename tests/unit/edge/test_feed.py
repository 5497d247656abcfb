"""The edge's feed: what arrives in order is passed on at once, what was skipped is read from the log, and nothing comes twice."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from adapters.nats import header_lines
from api_edge.handlers.reader import Head
from api_edge.stream.events import FeedEvent
from api_edge.stream.feed import Feed
from consumers.log.event import frame_of
from contracts.chain import EPOCH, GENESIS, HASH, SEAL, Marks, chained

HEAD = Head(10, 10, 0, [], "a key")
TIME = datetime(2026, 11, 29, 11, 0, 0, 123456, UTC)


MARKS = Marks(0, HEAD.seal)


def message(position: int, marks: Marks = MARKS) -> SimpleNamespace:
    """A message of the feed as the sequencer makes it."""
    values = (uuid4(), "evt.render.job.started.v1", uuid4(), TIME, "system", uuid4(), uuid4(), "", 1, "", "{}")
    frame = frame_of((position, *values, GENESIS, chained(GENESIS, position, values)), marks)
    return SimpleNamespace(subject="feed", headers={**header_lines(frame.lines), "Nats-Sequence": str(position)}, data=frame.body)


class Log:
    """A log whose end a test moves, which answers when it is let."""

    def __init__(self) -> None:
        self.end, self.asked = 0, 0
        self.open = asyncio.Event()
        self.open.set()
        self.present = HEAD

    async def head(self) -> Head:
        """Of the epoch that the test set."""
        return self.present

    async def events(self, after: int, until: int) -> list[FeedEvent]:
        """Two events at a time, as far as the log goes."""
        self.asked += 1
        await self.open.wait()
        return [event(position) for position in range(after + 1, min(until, self.end, after + 2) + 1)]


def event(position: int) -> FeedEvent:
    sent = message(position)
    return FeedEvent.of_message(0, position, sent.headers, sent.data)


class Wire:
    """A connection on which a test lets messages arrive."""

    async def subscribe_at_once(self, subject: str, take: Any) -> None:
        self.take = take

    def arrive(self, *positions: int) -> None:
        for position in positions:
            self.take(message(position))


@pytest.fixture
async def followed() -> Any:
    """A feed from behind position 10; `heard` are the positions that its listener got."""
    wire, log = Wire(), Log()

    async def restored() -> Head:
        return log.present

    feed = Feed(wire, log, restored)  # type: ignore[arg-type]
    feed._watch = lambda: asyncio.sleep(60)  # type: ignore[method-assign]
    heard: list[int] = []
    feed.listeners.append(lambda event: heard.append(event.position))
    await feed.start(HEAD)
    yield SimpleNamespace(wire=wire, log=log, feed=feed, heard=heard)
    await feed.stop()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_comes_in_order_is_passed_on_before_anything_else_runs(followed: Any) -> None:
    followed.wire.arrive(11, 12, 13)
    assert followed.heard == [11, 12, 13] and followed.log.asked == 0


async def test_what_comes_again_is_passed_over(followed: Any) -> None:
    followed.wire.arrive(11, 12, 9, 11, 12, 13)
    await settled()
    assert followed.heard == [11, 12, 13] and followed.log.asked == 0


async def test_what_was_skipped_is_read_from_the_log_and_what_arrives_meanwhile_too(followed: Any) -> None:
    followed.log.open.clear()
    followed.wire.arrive(11, 14)
    await settled()
    followed.log.end = 16
    followed.wire.arrive(15, 16)
    assert followed.heard == [11]
    followed.log.open.set()
    await settled()
    followed.wire.arrive(17)
    assert followed.heard == [11, 12, 13, 14, 15, 16, 17]


async def test_what_the_log_does_not_show_yet_is_read_when_the_next_event_comes(followed: Any) -> None:
    followed.log.end = 12
    followed.wire.arrive(14)
    await settled()
    assert followed.heard == [11, 12]
    followed.log.end = 15
    followed.wire.arrive(15)
    await settled()
    assert followed.heard == [11, 12, 13, 14, 15]


async def test_an_event_that_cannot_be_read_is_taken_from_the_log(followed: Any) -> None:
    followed.log.end = 12
    followed.wire.take(SimpleNamespace(subject="feed", headers={"Nats-Sequence": "11"}, data=b"{}"))
    followed.wire.arrive(12)
    await settled()
    assert followed.heard == [11, 12]


def forged(position: int, **changes: str | None) -> SimpleNamespace:
    """A message that the sequencer did not make: some headers differ, or are not there (None)."""
    sent = message(position)
    headers = {name: value for name, value in (sent.headers | changes).items() if value is not None}
    return SimpleNamespace(subject="feed", headers=headers, data=sent.data)


FORMS = {
    "without headers": lambda at: SimpleNamespace(subject="feed", headers=None, data=b""),
    "without a hash": lambda at: forged(at, **{HASH: None}),
    "without a seal": lambda at: forged(at, **{SEAL: None}),
    "with another hash": lambda at: forged(at, **{HASH: GENESIS}),
    "with the right hash and somebody's seal": lambda at: message(at, Marks(0, "another key")),
    "of another epoch": lambda at: message(at, Marks(1, HEAD.seal)),
    "that claims another epoch": lambda at: forged(at, **{EPOCH: "1"}),
    "with another actor": lambda at: forged(at, **{"ce-actor": "key:1"}),
    "with a time without a zone": lambda at: forged(at, **{"ce-time": "2026-11-29T11:00:00"}),
    "with a seal that is no ASCII": lambda at: forged(at, **{SEAL: "é" * 32}),
    "copied from another position": lambda at: SimpleNamespace(
        subject="feed", headers={**message(at - 3).headers, "Nats-Sequence": str(at)}, data=b"{}"
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_foreign_message_is_passed_over_and_moves_no_position(followed: Any, form: str) -> None:
    followed.wire.take(FORMS[form](11))
    followed.wire.take(FORMS[form](25))
    await settled()
    assert (followed.heard, followed.feed.position, followed.log.asked) == ([], 10, 0)
    followed.wire.arrive(11, 12)
    assert followed.heard == [11, 12] and followed.feed.foreign == 2


async def test_a_raised_epoch_begins_the_feed_anew_from_the_end_of_the_restored_log(followed: Any) -> None:
    followed.wire.arrive(11, 12, 13)
    followed.log.present = Head(11, 11, 1, [11], HEAD.seal)
    assert not await followed.feed._follows(await followed.log.head())
    assert (followed.feed.position, followed.feed.text(11)) == (11, "1.11")
    followed.wire.take(message(12))
    followed.wire.take(message(12, Marks(1, HEAD.seal)))
    assert followed.heard == [11, 12, 13, 12]


async def test_a_database_that_is_silent_does_not_silence_the_feed(followed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets the end of a cancelled question take for ever: no question waits for it, and one alone is under way."""
    asked = []

    async def head() -> Head:
        asked.append(True)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if over:
                    raise

    over: list[bool] = []
    monkeypatch.setattr(followed.log, "head", head)
    async with asyncio.timeout(5):
        assert await followed.feed._asked_head() is None
        assert await followed.feed._asked_head() is None
    over.append(True)
    assert len(asked) == 1
