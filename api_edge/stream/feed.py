"""The edge's one subscription to the log's events, in order and without a gap, with a proof that it lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

from nats.aio.msg import Msg

from adapters.nats import Connection, StreamError, api
from api_edge.errors import Refused
from api_edge.handlers.reader import Head
from api_edge.stream.events import FeedEvent
from contracts.catalogue import EVENTS, LOG_API, feed_subject
from contracts.chain import Marks
from contracts.positions import position_text

log = logging.getLogger(__name__)

PING = 0.4  # seconds between two questions how far the stream is
SILENCE = 1.0  # seconds without a proof after which nothing is known any more
PROBATION = 1.0  # seconds that a request waits for a proof while the broker is connected, before it is refused
MOST_ASKED = 4  # questions under way; a busy broker answers late, and one late answer must not silence the next
GRACE = 0.1  # seconds that an event may be under way before it is read from the log instead
HEAD_WITHIN = 0.3  # seconds that the database may take to say how far the log is published

Listener = Callable[[FeedEvent], None]


class Log(Protocol):
    """What the feed needs of api_edge.handlers.reader.Reader."""

    async def head(self) -> Head:
        """The end of the log."""

    async def events(self, behind: int, until: int) -> list[FeedEvent]:
        """The events behind one position, up to another."""


class Feed:
    """Follows the log's events behind a position; listeners get every event once, in order.

    Silence of a subscription proves nothing, so the stream is asked several times a second how far it is: only who has heard
    everything up to there is alive. What did not arrive is read from the log itself. A message that does not bear the log's marks is
    passed over, and what stands in the stream beyond what the sequencer has published counts for nothing.

    `on_restored` is called when the log's epoch was raised: it takes the log's state anew, and answers from where the feed goes on.
    """

    def __init__(self, nc: Connection, log: Log, on_restored: Callable[[], Awaitable[Head]]) -> None:
        self._nc, self._log, self._on_restored = nc, log, on_restored
        self.position = 0
        self.head = Head(0, 0, 0, [], "")  # as it was asked last
        self._marks = Marks(0, "")
        self.foreign = 0  # messages that were passed over
        self._complained = False
        self.listeners: list[Listener] = []
        self._proved = float("-inf")
        self._proof = asyncio.Event()
        self._away = False
        self._order = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._heard_of = 0  # the latest position that is known to exist
        self._reading: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._head_asked: asyncio.Task[Head] | None = None

    async def start(self, head: Head) -> None:
        """Follow from behind the end of the log as it was."""
        self._begin(head)
        await self._nc.subscribe_at_once(feed_subject(), self._receive)
        self._task = asyncio.create_task(self._watch(), name="watch the event feed")

    def _begin(self, head: Head) -> None:
        self.head, self.position, self._heard_of = head, head.position, 0
        self._marks = Marks(head.epoch, head.seal)

    def text(self, position: int) -> str:
        """A position as clients see it."""
        return position_text(self.head.epoch, position)

    async def stop(self) -> None:
        """Stop following."""
        tasks = [*self._asked, *(task for task in (self._task, self._reading, self._head_asked) if task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def alive(self) -> bool:
        """Whether there was a proof within the last second."""
        return monotonic() - self._proved < SILENCE

    async def prove(self) -> bool:
        """Whether the feed lives; while the broker is connected, a late answer gets a moment to arrive."""
        give_up = asyncio.get_running_loop().time() + PROBATION
        while not self.alive and self._nc.is_connected:
            self._proof.clear()
            try:
                async with asyncio.timeout_at(give_up):
                    await self._proof.wait()
            except TimeoutError:
                break
        return self.alive

    async def _watch(self) -> None:
        while True:
            if len(self._asked) < MOST_ASKED:
                task = asyncio.create_task(self._ask(), name="ask how far the events are")
                self._asked.add(task)
                task.add_done_callback(self._asked.discard)
            await asyncio.sleep(PING)

    async def _ask(self) -> None:
        try:
            await self._be_there()
        except (StreamError, Refused, OSError) as error:
            if not self._away:
                log.warning("the event feed is away: %s", error)
            self._away = True
        except Exception:
            log.exception("following the event feed failed; trying again")

    async def _be_there(self) -> None:
        """Ask how far the stream is, and hear everything up to there that the log has published."""
        asked = monotonic()
        asking = api(self._nc, f"STREAM.INFO.{EVENTS}", within=SILENCE, prefix=LOG_API)
        answer, head = await asyncio.gather(asking, self._asked_head())
        last: int = answer["state"]["last_seq"]
        if head is not None:  # without the database, nothing says that the stream holds more than the log's own
            last = min(last, head.published)
        if self.position < last:
            await asyncio.sleep(GRACE)
        async with self._order:
            if head is not None and not await self._follows(head):
                return
            await self._catch_up(last)
        # The answer came behind all events that the server had sent before it, so that it proves them heard.
        self._proved = max(self._proved, asked)
        self._away = False
        self._proof.set()

    async def _asked_head(self) -> Head | None:
        """The log's head, asked now; None while the database does not say it in time, or has not answered the question before."""
        if self._head_asked is not None and not self._head_asked.done():
            return None
        asking = self._head_asked = asyncio.create_task(self._log.head(), name="ask how far the log is published")
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Neither cancelled nor awaited longer: a database that is silent lets the end of a cancelled question take for ever.
        done, _ = await asyncio.wait({asking}, timeout=HEAD_WITHIN)
        try:
            return asking.result() if done else None
        except Refused:
            return None

    async def _follows(self, head: Head) -> bool:
        """Whether this is the log that is followed; where it was restored, the feed begins anew."""
        if head.epoch == self.head.epoch:
            self.head = head
            return True
        if head.epoch < self.head.epoch:  # an answer from before
            return False
        log.warning("the log was restored: its epoch is %d now; position %d was reached in %d", head.epoch, self.position, self.head.epoch)
        self._begin(await self._on_restored())
        return False

    def _receive(self, msg: Msg) -> None:
        headers = msg.headers or {}
        try:
            sequence = headers.get("Nats-Sequence", "")
            position = int(sequence) if sequence.isdigit() else 0
            if 0 < position <= self.position:
                return
            if not self._marks.fits(position, headers, msg.data):
                self._pass_over(msg.subject, position)
            elif position == self.position + 1 and not self._order.locked():
                self._take(FeedEvent.of_message(self._marks.epoch, position, headers, msg.data))
            else:
                self._read_up_to(position)
        except Exception:
            log.exception("a message of the event feed could not be taken; the log will be read instead")

    def _pass_over(self, subject: str, position: int) -> None:
        self.foreign += 1
        if not self._complained:
            self._complained = True
            log.error("a message on %s, position %d, is not the log's; it is passed over", subject, position)

    def _read_up_to(self, position: int) -> None:
        """Something was skipped, or comes while that is read: the log has it all."""
        self._heard_of = max(self._heard_of, position)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="read what the event feed skipped")

    async def _read(self) -> None:
        try:
            while self.position < self._heard_of:
                async with self._order:
                    await self._catch_up(self._heard_of)
        except (StreamError, Refused, OSError) as error:
            log.warning("what the event feed skipped cannot be read yet: %s", error)
        except Exception:
            log.exception("what the event feed skipped could not be read; it is tried again")

    async def _catch_up(self, until: int) -> None:
        """Read from the log what did not arrive."""
        while self.position < until:
            events = await self._log.events(self.position, until)
            if not events:
                raise StreamError(f"the log does not show position {self.position + 1} yet, which the stream has passed")
            for event in events:
                self._take(event)

    def _take(self, event: FeedEvent) -> None:
        self.position = event.position
        self._complained = False
        for listener in self.listeners:
            listener(event)
