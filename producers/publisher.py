"""The only code that publishes: acknowledged, in groups: what arrives while a batch is in flight is the next, with one fsync for all."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from nats.aio.msg import Msg

from adapters.nats import (
    FEW,
    Connection,
    ConnectionLost,
    Frame,
    NoAnswer,
    PublishForbidden,
    StreamError,
    Unavailable,
    begin_each,
    begin_now,
    begin_row,
    store,
    stored,
)
from contracts.catalogue import COPIES, REPORTS, stream_of
from contracts.envelope import Envelope
from contracts.message import MAX_BODY, Kind, Message, MessageType, encode, type_of

MOST_IN_BATCH = 200
MOST_BYTES_IN_BATCH = 1024 * 1024
MOST_WAITING = 10_000  # messages per stream
RETRY_PAUSE = 0.05  # seconds
# Messages with which a batch begins before the loop comes round to its lane: the server works while the rest is read.
EARLY = 16


class PublishFailed(Exception):
    """The message was not acknowledged; `retryable` says whether the same may succeed later. It may have been stored: ids dedupe."""

    def __init__(self, detail: str, *, retryable: bool = True) -> None:
        super().__init__(detail)
        self.retryable = retryable


class MessageTooLarge(PublishFailed):
    """A body of more than 64 KB; `size` is in bytes."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"{name} has {size} bytes; a message has at most {MAX_BODY}. Store what is large as an object.", retryable=False)
        self.size = size


class _Item:
    __slots__ = ("done", "expires", "frame")

    def __init__(self, frame: Frame, expires: float, done: "asyncio.Future[int]") -> None:
        self.frame = frame
        self.expires = expires
        self.done = done


class Publisher:
    """Publishes over one connection; every `publish` is acknowledged within `within` seconds or fails.

    With `early` a batch begins as soon as some messages wait: for callers that come one by one and wait for an answer (the edge).
    Those that publish many at once do without: each batch costs the server some 3 ms.
    """

    def __init__(self, nc: Connection, *, within: float = 5.0, early: bool = False) -> None:
        self._nc = nc
        self._within = within
        self._early = early
        self._lanes: dict[str, _Lane] = {}

    async def publish(self, message: Message, envelope: Envelope, *, scope: UUID | str | None = None) -> int:
        """Publish and return the stream's sequence once it is stored; `scope` is the node of a report or of work.

        Raises PublishFailed; MessageTooLarge; ValueError for a tick, or a report or work without its node.
        """
        return await self._add(type_of(message), encode(message), envelope, scope)

    async def publish_encoded(self, kind: type[Message], body: bytes, envelope: Envelope, *, scope: UUID | str | None = None) -> int:
        """The same for a body that is JSON already and known to be a message of this kind."""
        return await self._add(type_of(kind), body, envelope, scope)

    async def publish_all(self, kind: type[Message], messages: Iterable[tuple[bytes, Envelope, UUID | str | None]]) -> None:
        """The same for many of one kind, as body, envelope and scope; one of the errors, when several fail."""
        await asyncio.gather(*[self._add(type_of(kind), body, envelope, scope) for body, envelope, scope in messages])

    def _add(self, entry: MessageType, body: bytes, envelope: Envelope, scope: UUID | str | None) -> "asyncio.Future[int]":
        frame, stream = _frame(entry, body, envelope, scope)
        lane = self._lanes.get(stream)
        if lane is None:
            lane = self._lanes[stream] = _Lane(self._nc, stream, early=self._early)
        return lane.add(frame, self._within)


class _Lane:
    """The way to one stream, on which one batch at a time is under way."""

    def __init__(self, nc: Connection, stream: str, *, early: bool) -> None:
        self._nc = nc
        self._stream = stream
        # A report may be the only one of its node, and is not synced: each goes and is acknowledged by itself. Of what else is a copy the
        # last acknowledgement will do: work is sent again when its lease ends.
        self._in_rows = stream in COPIES and stream != REPORTS
        self._few = MOST_IN_BATCH if stream == REPORTS else 0 if self._in_rows else FEW
        self._may_begin_early = early and stream not in COPIES
        self._loop = asyncio.get_running_loop()  # asked for once: before Python 3.12 each time is a system call
        self._waiting: deque[_Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self._begun = True  # whether that task runs already
        self._early: tuple[list[_Item], asyncio.Future[Msg]] | None = None  # sent before it did

    def add(self, frame: Frame, within: float) -> "asyncio.Future[int]":
        """What is done when the message is stored."""
        if len(self._waiting) >= MOST_WAITING:
            raise PublishFailed(f"{MOST_WAITING} messages wait for the stream {self._stream} already; try again later")
        item = _Item(frame, self._loop.time() + within, self._loop.create_future())
        self._waiting.append(item)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._run(), name=f"publish to {self._stream}")
            self._begun = False
        elif self._may_begin_early and not self._begun and len(self._waiting) >= EARLY:
            self._begin_early()
        return item.done

    def _begin_early(self) -> None:
        self._begun = True
        batch = self._take()
        try:
            answer = begin_now(self._nc, [item.frame for item in batch])
        except ConnectionLost:
            answer = None
        if answer is None:
            self._waiting.extendleft(reversed(batch))
        else:
            self._early = batch, answer

    async def _run(self) -> None:
        self._begun = True
        early, self._early = self._early, None
        if early is not None:
            await self._see_through(*early)
        while self._waiting:
            await self._see_through(self._take())

    async def _see_through(self, batch: list[_Item], answer: "asyncio.Future[Msg] | None" = None) -> None:
        try:
            if answer is None and len(batch) <= self._few:
                await self._deliver_each(batch)
            else:
                await self._deliver(batch, answer)
        finally:
            _fail(batch, PublishFailed(f"publishing to the stream {self._stream} was given up"))

    def _take(self) -> list[_Item]:
        batch: list[_Item] = []
        size = 0
        while self._waiting and len(batch) < MOST_IN_BATCH:
            size += len(self._waiting[0].frame.body)
            if batch and size > MOST_BYTES_IN_BATCH:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _deliver_each(self, batch: list[_Item]) -> None:
        """All in one write, each with its own acknowledgement; what is not acknowledged is then seen through by itself."""
        if len(batch) > 1:
            with suppress(ConnectionLost):
                answers = await begin_each(self._nc, [item.frame for item in batch])
                await asyncio.wait(answers, timeout=min(item.expires for item in batch) - self._loop.time())
                for item, answer in zip(batch, answers, strict=True):
                    if answer.done() and not item.done.done():
                        with suppress(StreamError):
                            item.done.set_result(await stored(answer))
        if left := [item for item in batch if not item.done.done()]:
            await asyncio.gather(*(self._deliver([item], None) for item in left))

    async def _deliver(self, batch: list[_Item], answer: "asyncio.Future[Msg] | None") -> None:
        """Store a batch, which may be sent already, again after a lost connection, until its messages' time is up."""
        why: StreamError | None = None
        while live := batch if answer else self._live(batch, why):
            left = min(item.expires for item in live) - self._loop.time()
            sent, answer = answer, None
            try:
                last = await (stored(sent, left) if sent else self._store([item.frame for item in live], left))
            except (ConnectionLost, Unavailable) as error:
                why = error
                if self._nc.is_closed:
                    _fail(live, PublishFailed("the connection to NATS was closed for good"))
                elif isinstance(error, Unavailable) or not await self._nc.until_connected(left):
                    await asyncio.sleep(RETRY_PAUSE)
            except NoAnswer as error:
                why = error
            except PublishForbidden as error:
                # One message whose subject is forbidden spoils a whole batch; the others go again without it.
                guilty = [item for item in live if item.frame.subject.lower() == error.subject]
                _fail(guilty or live, PublishFailed(str(error), retryable=False))
            except Exception as error:  # whatever it is, the callers are told
                _fail(live, PublishFailed(f"the stream {self._stream} refused {len(live)} message(s): {error}"))
            else:
                # In the order of their coming: told the other way round, who came first would wait longest, and the slowest a half longer.
                for sequence, item in enumerate(live, last - len(live) + 1):
                    if not item.done.done():
                        item.done.set_result(sequence)

    async def _store(self, frames: list[Frame], within: float) -> int:
        if self._in_rows:
            return await stored(await begin_row(self._nc, frames), within)
        return await store(self._nc, frames, within=within)

    def _live(self, batch: list[_Item], why: StreamError | None) -> list[_Item]:
        """Who still waits (nobody waits for a cancelled one); those whose time is up are told why."""
        now = self._loop.time()
        late = [item for item in batch if item.expires <= now]
        _fail(late, PublishFailed(f"no acknowledgement from the stream {self._stream} in time: {why or 'it is overloaded'}"))
        return [item for item in batch if not item.done.done()]


def _fail(items: list[_Item], error: PublishFailed) -> None:
    for item in items:
        if not item.done.done():
            item.done.set_exception(error)


def _frame(entry: MessageType, body: bytes, envelope: Envelope, scope: UUID | str | None) -> tuple[Frame, str]:
    stream = stream_of(entry)
    if stream is None:
        raise ValueError(f"{entry.full_name} is a tick; ticks go by producers.ticks")
    if scope is None and entry.kind in (Kind.REPORT, Kind.WORK):
        raise ValueError(f"{entry.full_name} needs the node's id as its scope")
    if len(body) > MAX_BODY:
        raise MessageTooLarge(entry.full_name, len(body))
    return Frame(entry.subject(scope or envelope.tenant), envelope.lines(), body), stream
