"""A domain's loop: pull commands and events, decide them in batches, then tell, acknowledge and run effects."""

import asyncio
import contextlib
import logging
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec
from nats.aio.msg import Msg

from adapters.nats import PullConsumer, StreamError, ack, ack_all, nak, sequences_of
from consumers.runtime.batch import Batch, Item, scout
from consumers.runtime.connection import DATABASE_AWAY, end, until_lost
from consumers.runtime.domain import Domain
from consumers.runtime.effects import Task
from consumers.runtime.leading import LeaderStore, Leading, Line
from consumers.runtime.reading import read_command, read_event
from consumers.runtime.state import Want
from consumers.runtime.store import Store
from contracts.catalogue import outbox_hint_subject
from contracts.envelope import Envelope
from contracts.message import Command

log = logging.getLogger(__name__)
BATCH = 500
CURSOR_EVENTS, CURSOR_SECONDS = 500, 30.0  # how far the kept cursor may stay behind while nothing is reacted to
UNSTORABLE = 60.0  # seconds until a message that cannot even be quarantined is tried again
Observer = Callable[[list[Item]], None]


class Runtime:
    """The one active consumer of a domain; `connect` opens the connection that holds the domain's lock and writes (`leading`).

    `commands` are the consumers of what it decides, one for each stream.
    """

    def __init__(
        self, domain: Domain, nc: Any, connect: Callable[[], Any], commands: Sequence[PullConsumer], feed: Callable[[int], Any]
    ) -> None:
        self.domain, self.nc = domain, nc
        self._commands, self._open_feed = commands, feed
        self._waiting: deque[Item] = deque()
        self._own: deque[Item] = deque()
        self._events: deque[tuple[int, Msg | None]] = deque()  # None: nothing to react to up to that position
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self.observers: list[Observer] = []
        self.prepare: list[Callable[[], Awaitable[None]]] = []  # awaited under the lock, before anything is decided
        self.admits: Callable[[Item], bool] = lambda item: True  # what is not admitted is acknowledged, and that is all
        self.foresees: Callable[[Item], tuple[Want, ...]] = lambda item: ()  # rows that a command will ask for, as far as its memory knows
        self.on_effects: Callable[[list[Task]], None] = lambda tasks: None
        self.leading = Leading.of_domain(domain.name, zlib.crc32(f"flatrender {domain.name}".encode()), connect)
        self.active = self.leading.active

    def submit(self, command: Command, envelope: Envelope) -> None:
        """Decide a command of this very process that it may lose: its maker asks again (the scheduler)."""
        self._own.append(scout(self.domain, Item(envelope=envelope, command=command, own=True)))
        self._wake.set()

    async def run(self) -> None:
        """Take the domain's lock and work until cancelled; a lost database connection starts it over."""
        while True:
            try:
                async with self.leading.lead() as line:
                    await self._locked(line)
            except DATABASE_AWAY as error:
                log.warning("%s: database away (%s); trying again", self.domain.name, error)
                await asyncio.sleep(0.3)
            except StreamError as error:
                log.warning("%s: %s; trying again", self.domain.name, error)
                await asyncio.sleep(1.0)

    async def _locked(self, line: Line) -> None:
        conn, store = line.conn, LeaderStore(line, self.domain.name)
        async with line:
            cursor = await conn.fetchval(store.q.cursor)
            if cursor is None and self.domain.reacts:
                await conn.execute(store.q.move_cursor, cursor := 0)  # from now on the log keeps a window for this domain
        cursor = cursor or 0
        log.info("%s: active from position %d", self.domain.name, cursor)
        await self._give_back(item.raw for item in self._waiting)
        for prepare in self.prepare:
            await prepare()
        # Last, and without a pause before: what was chosen by an older picture must not be decided.
        for held in (self._waiting, self._events, self._own):
            held.clear()
        feed = await self._open_feed(cursor) if self.domain.reacts else None
        pumps = [asyncio.create_task(self._pump_commands(commands)) for commands in self._commands]
        if feed is not None:
            pumps.append(asyncio.create_task(self._pump_events(feed)))
        self.active.set()
        tasks = [asyncio.create_task(self._work(store, cursor)), asyncio.create_task(until_lost(conn)), *pumps]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(conn, tasks)
            if feed is not None:
                await feed.close()

    async def _pump_commands(self, commands: PullConsumer) -> None:
        while True:
            while len(self._waiting) > 2 * BATCH:
                self._room.clear()
                await self._room.wait()
            self._waiting.extend(map(self._read, await commands.next(BATCH, 30.0)))
            self._wake.set()

    def _read(self, msg: Msg) -> Item:
        item = scout(self.domain, read_command(self.domain, msg))
        item.wants += self.foresees(item)
        return item

    async def _pump_events(self, feed: Any) -> None:
        while True:
            while len(self._events) > 4 * BATCH:
                self._room.clear()
                await self._room.wait()
            messages = await feed.next(BATCH, CURSOR_SECONDS)
            self._events.extend((sequences_of(msg)[0], msg) for msg in messages)
            if not messages:  # nothing that this domain reacts to: its cursor follows all the same, or the log kept a window for it
                self._events.append((await feed.seen_to(), None))
            self._wake.set()

    async def _work(self, store: Store, cursor: int) -> None:
        kept, kept_at = cursor, time.monotonic()
        while True:
            await self._something()
            reactions, cursor = self._take_events(cursor)
            commands = await self._admitted(self._take_commands())
            own = [self._own.popleft() for _ in range(min(BATCH, len(self._own)))]
            # Events that nobody reacts to need no transaction of their own: they may be read again.
            late = cursor - kept >= CURSOR_EVENTS or (cursor > kept and time.monotonic() - kept_at > CURSOR_SECONDS)
            keep = cursor if reactions or late else 0
            if reactions or own or commands or keep:
                await self._settle(store, reactions + own + commands, keep)
            else:
                self._room.set()
            if keep:
                kept, kept_at = keep, time.monotonic()

    async def _admitted(self, items: list[Item]) -> list[Item]:
        admitted = []
        for item in items:
            if self.admits(item):
                admitted.append(item)
            elif await self.leading.holds(self.leading.lease):
                await ack(item.raw)
        return admitted

    async def _something(self) -> None:
        if not self._waiting and not self._events and not self._own:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CURSOR_SECONDS):
                    await self._wake.wait()

    def _take_events(self, cursor: int) -> tuple[list[Item], int]:
        items: list[Item] = []
        weight = 0
        while self._events and weight < BATCH:
            position, msg = self._events.popleft()
            if position > cursor:
                cursor = position
                reactions = self._react(msg) if msg is not None else []
                weight += sum(self.domain.weight(item.command) for item in reactions)
                items += reactions
        return items, cursor

    def _take_commands(self) -> list[Item]:
        """What fits into a batch; a heavy command is the last of its batch, so that what is short does not wait for several."""
        items: list[Item] = []
        weight = 0
        while self._waiting and weight < BATCH:
            items.append(self._waiting.popleft())
            weight += self.domain.weight(items[-1].command)
        return items

    def _react(self, msg: Msg) -> list[Item]:
        try:
            return read_event(self.domain, msg)
        except Exception as error:  # a reaction's bug must not stop the feed; the event stays in the log
            log.exception("%s: reaction to %s failed", self.domain.name, msg.subject)
            envelope = Envelope.read(msg.headers or {})
            return [Item(envelope=envelope, command=None, body=msg.data, unreadable=f"reaction: {type(error).__name__}: {error}")]

    async def _settle(self, store: Store, items: list[Item], cursor: int) -> None:
        """Commit items, halving the batch down to the culprit on a database error; the cursor moves with the last half."""
        batch = Batch(self.domain, store, items, cursor)
        batch.on_writing = self._room.set  # reading what arrives takes long: not while a decision waits for its rows
        try:
            await batch.commit()
        except DATABASE_AWAY as error:
            log.warning("%s: %s; %d commands wait", self.domain.name, error, len(items))
            await self._give_back([item.raw for item in items if item.raw is not None])
            raise
        except Exception as error:
            if len(items) > 1:
                half = len(items) // 2
                await self._settle(store, items[:half], 0)
                await self._settle(store, items[half:], cursor)
                return
            if not items:
                raise
            if items[0].command is None:  # not even its quarantine can be stored: it must not hold up the rest
                log.exception("%s: %s cannot be quarantined; it is tried again later", self.domain.name, items[0].envelope.type)
                if items[0].raw is not None:
                    await nak(items[0].raw, UNSTORABLE)
                return
            log.exception("%s: %s cannot be stored", self.domain.name, items[0].envelope.type)
            items[0].give_up(f"{type(error).__name__}: {error}")
            await self._settle(store, items, cursor)
            return
        await self._tell(batch)

    async def _give_back(self, messages: Iterable[Msg]) -> None:
        for msg in messages:
            await nak(msg, 0.3)

    async def _tell(self, batch: Batch) -> None:
        if any(item.events for item in batch.items):
            await self.nc.publish(outbox_hint_subject(), b"")
        for observe in self.observers:
            observe(batch.items)
        if batch.effects:
            self.on_effects(batch.effects)
        asked = [item for item in batch.items if item.outcome is not None and item.envelope.reply]
        outcomes = [(item.envelope.reply, msgspec.json.encode(item.outcome)) for item in asked]
        if outcomes and self.nc.is_connected:
            self.nc.send_now((subject, body, b"", "") for subject, body in outcomes)
        else:
            for subject, body in outcomes:  # they go when the connection is back
                await self.nc.publish(subject, body)
        for item in batch.items:
            if item.raw is not None and item.again:
                await nak(item.raw, item.again)
        ack_all([item.raw for item in batch.items if item.raw is not None and not item.again])
