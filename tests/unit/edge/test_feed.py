"""The edge's feed: what arrives in order is passed on at once, what was skipped is read from the log, and nothing comes twice."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from api_edge.events import FeedEvent
from api_edge.feed import Feed

NAMES = ("tenant", "id", "time", "correlation", "causation")
HEADERS = {"ce-type": "evt.render.job.started.v1", **{f"ce-{name}": str(uuid4()) for name in NAMES}}


class Log:
    """A log whose end a test moves, which answers when it is let."""

    def __init__(self) -> None:
        self.end, self.asked = 0, 0
        self.open = asyncio.Event()
        self.open.set()

    async def missing(self, after: int, until: int) -> list[FeedEvent]:
        """Two events at a time, as far as the log goes."""
        self.asked += 1
        await self.open.wait()
        return [event(position) for position in range(after + 1, min(until, self.end, after + 2) + 1)]


def event(position: int) -> FeedEvent:
    return FeedEvent.of_message(position, HEADERS, b"{}")


class Wire:
    """A connection on which a test lets messages arrive."""

    async def subscribe_at_once(self, subject: str, take: Any) -> None:
        self.take = take

    def arrive(self, *positions: int) -> None:
        for position in positions:
            self.take(SimpleNamespace(headers={**HEADERS, "Nats-Sequence": str(position)}, data=b"{}"))


@pytest.fixture
async def followed() -> Any:
    """A feed from behind position 10; `heard` are the positions that its listener got."""
    wire, log = Wire(), Log()
    feed = Feed(wire, log.missing)  # type: ignore[arg-type]
    feed._watch = lambda: asyncio.sleep(60)  # type: ignore[method-assign]
    heard: list[int] = []
    feed.listeners.append(lambda event: heard.append(event.position))
    await feed.start(10)
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
    followed.wire.take(SimpleNamespace(headers={"Nats-Sequence": "11"}, data=b"{}"))
    followed.wire.arrive(12)
    await settled()
    assert followed.heard == [11, 12]
