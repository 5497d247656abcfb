"""A domain's loop: pull commands and events, decide them in batches, then tell, acknowledge and run effects."""

import asyncio
import contextlib
import logging
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import asyncpg
import msgspec
from nats.aio.msg import Msg

from adapters.nats import PullConsumer, StreamError, ack, ack_all, nak, sequences_of
from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY, end, until_lost
from consumers.runtime.domain import Domain
from consumers.runtime.effects.making import Made
from consumers.runtime.faults import DomainWaits
from consumers.runtime.item import Item, scout
from consumers.runtime.leading import LeaderStore, Leading, Line
from consumers.runtime.reading import read_command, read_event, unreacted
from consumers.runtime.settling import BATCH, Settler, probe
from consumers.runtime.state import Want
from consumers.runtime.store import Store
from contracts.catalogue import domain_waits_subject, outbox_hint_subject
from contracts.envelope import Envelope
from contracts.message import Command

log = logging.getLogger(__name__)
CURSOR_EVENTS, CURSOR_SECONDS = 500, 30.0  # how far the kept cursor may stay behind while nothing is reacted to
MOST_HELD = 4 * BATCH  # reactions that wait for their type; with more, no event is read
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between two tries of a domain that cannot work
SAYING = 1.0  # seconds between two words to the edges that the domain waits
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
        # Reading what arrives takes long: not while a decision waits for its rows.
        self.settler = Settler(domain, self._tell, lambda: self._room.set())
        self.waits = ""  # why the domain can do nothing at all
        self._pause = SHORTEST_WAIT
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self.observers: list[Observer] = []
        self.prepare: list[Callable[[], Awaitable[None]]] = []  # awaited under the lock, before anything is decided
        self.admits: Callable[[Item], bool] = lambda item: True  # what is not admitted is acknowledged, and that is all
        self.foresees: Callable[[Item], tuple[Want, ...]] = lambda item: ()  # rows that a command will ask for, as far as its memory knows
        self.on_effects: Callable[[Made], None] = lambda made: None
        self.leading = Leading.of_domain(domain.name, zlib.crc32(f"flatrender {domain.name}".encode()), connect)
        self.active = self.leading.active

    def submit(self, command: Command, envelope: Envelope) -> None:
        """Decide a command of this very process that it may lose: its maker asks again (the scheduler)."""
        self._own.append(scout(self.domain, Item(envelope=envelope, command=command, own=True)))
        self._wake.set()

    async def run(self) -> None:
        """Take the domain's lock and work until cancelled; a lost database connection starts it over."""
        saying = asyncio.create_task(self._say_waits())
        try:
            while True:
                await asyncio.sleep(await self._lead())
        finally:
            saying.cancel()

    async def _lead(self) -> float:
        """Work as long as that goes well; answers the seconds after which it is tried again."""
        try:
            async with self.leading.lead() as line:
                await self._locked(line)
        except DATABASE_AWAY as error:
            log.warning("%s: database away (%s); trying again", self.domain.name, error)
            return 0.3
        except StreamError as error:
            log.warning("%s: %s; trying again", self.domain.name, error)
            return 1.0
        except (DomainWaits, asyncpg.PostgresError) as error:
            return self._wait_because(error)
        return 0.0

    def _wait_because(self, error: Exception) -> float:
        """Nothing can be decided for now; answers the seconds until that is looked at again."""
        self._pause = min(LONGEST_WAIT, self._pause * 2) if self.waits else SHORTEST_WAIT
        if self.waits != str(error):
            log.error("ALARM: %s decides nothing: %s; its commands wait in their stream", self.domain.name, error)
        self.waits = str(error)
        return self._pause

    async def _say_waits(self) -> None:
        """Tell the edges, so that they refuse at once what would only wait; where another process leads, whether it waits is its word."""
        subject = domain_waits_subject(self.domain.name)
        while True:
            await asyncio.sleep(SAYING)
            # One who stands by says nothing: the domain may work, elsewhere.
            if self.waits and self.nc.is_connected and not self.leading.stands_by:
                await self.nc.publish(subject, b"")

    async def _locked(self, line: Line) -> None:
        conn, store = line.conn, LeaderStore(line, self.domain.name)
        await probe(store)
        async with line:
            cursor = await conn.fetchval(store.q.cursor)
            if cursor is None and self.domain.reacts:
                await conn.execute(store.q.move_cursor, cursor := 0)  # from now on the log keeps a window for this domain
        cursor = cursor or 0
        log.info("%s: active from position %d", self.domain.name, cursor)
        for prepare in self.prepare:
            await prepare()
        # Last, and without a pause before: what was chosen by an older picture must not be decided.
        for held in (self._waiting, self._events, self._own):
            held.clear()
        self.settler.begin(cursor)
        feed = await self._open_feed(cursor) if self.domain.reacts else None
        pumps = [asyncio.create_task(self._pump_commands(commands)) for commands in self._commands]
        if feed is not None:
            pumps.append(asyncio.create_task(self._pump_events(feed)))
        if self.waits:
            log.warning("%s decides again", self.domain.name)
        self.waits = ""
        self.active.set()
        tasks = [asyncio.create_task(self._work(store, cursor)), asyncio.create_task(until_lost(conn)), *pumps]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(conn, tasks)
            await self._give_all_back()
            if feed is not None:
                await feed.close()

    async def _give_all_back(self) -> None:
        """Who decides nothing holds nothing, and asks for nothing: another may lead."""
        for commands in self._commands:
            await commands.pause()
        await self._give_back(item.raw for item in self._waiting)
        self._waiting.clear()

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
            while len(self._events) > 4 * BATCH or len(self.settler.held) > MOST_HELD:
                self._room.clear()
                await self._room.wait()
            messages = await feed.next(BATCH, CURSOR_SECONDS)
            self._events.extend((sequences_of(msg)[0], msg) for msg in messages)
            if not messages:  # nothing that this domain reacts to: its cursor follows all the same, or the log kept a window for it
                self._events.append((await feed.seen_to(), None))
            self._wake.set()

    async def _work(self, store: Store, cursor: int) -> None:
        settler, kept_at = self.settler, time.monotonic()
        while True:
            await self._something()
            held = settler.take_held()
            reactions, cursor = self._take_events(cursor)
            commands = await self._admitted(self._take_commands())
            items = held + reactions + self._take_own() + commands
            # Events that nobody reacts to need no transaction of their own: they may be read again.
            kept, safe = settler.kept, settler.safe(cursor)
            late = safe - kept >= CURSOR_EVENTS or (safe > kept and time.monotonic() - kept_at > CURSOR_SECONDS)
            if items or late:
                await settler.settle(store, items, cursor if held or reactions or late else 0)
            else:
                self._room.set()
            if settler.kept != kept:
                kept_at = time.monotonic()

    async def _admitted(self, items: list[Item]) -> list[Item]:
        admitted = []
        for item in items:
            if not self.admits(item):
                if await self.leading.holds(self.leading.lease):
                    await ack(item.raw)
            elif wait := self.settler.parking.wait(item.envelope.type):
                await nak(item.raw, wait)
            else:
                admitted.append(item)
        return admitted

    async def _something(self) -> None:
        if not self._waiting and not self._events and not self._own:
            self._wake.clear()
            seconds = min(CURSOR_SECONDS, self.settler.next_turn())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _take_events(self, cursor: int) -> tuple[list[Item], int]:
        items: list[Item] = []
        weight = 0
        while self._events and weight < self.settler.most:
            position, msg = self._events.popleft()
            if position > cursor:
                cursor = position
                for item in self._react(position, msg) if msg is not None else ():
                    if self.settler.parking.wait(item.envelope.type):
                        self.settler.held.append(item)
                    else:
                        weight += self.domain.weight(item.command)
                        items.append(item)
        return items, cursor

    def _take_own(self) -> list[Item]:
        """What this very process asks for; of a parked type one is tried when it is the type's turn, as with any other."""
        items: list[Item] = []
        for item in [self._own.popleft() for _ in range(min(BATCH, len(self._own)))]:
            if self.settler.parking.wait(item.envelope.type):
                self.settler.on_put_off(item)
            else:
                items.append(item)
        return items

    def _take_commands(self) -> list[Item]:
        """What fits into a batch; a heavy command is the last of its batch, so that what is short does not wait for several."""
        items: list[Item] = []
        weight = 0
        while self._waiting and weight < self.settler.most:
            items.append(self._waiting.popleft())
            weight += self.domain.weight(items[-1].command)
        return items

    def _react(self, position: int, msg: Msg) -> list[Item]:
        try:
            return read_event(self.domain, msg, position)
        except Exception as error:  # a reaction's bug must not stop the feed; the event waits for a person
            log.exception("%s: reaction to %s at %d failed", self.domain.name, msg.subject, position)
            return [unreacted(self.domain, msg, position, f"reaction to position {position}: {type(error).__name__}: {error}")]

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
