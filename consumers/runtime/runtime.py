"""A domain's loop: pull commands and events, decide them in batches, then tell, acknowledge and run effects."""

import asyncio
import contextlib
import logging
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from nats.aio.msg import Msg

from adapters import collector
from adapters.nats import PullConsumer, StreamError, ack, ack_all, nak
from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY, end, until_lost
from consumers.runtime.domain import Domain
from consumers.runtime.effects.making import Made
from consumers.runtime.faults import DomainWaits
from consumers.runtime.folding import Folded
from consumers.runtime.history import History
from consumers.runtime.intake import Intake, Source, say
from consumers.runtime.item import Item, scout
from consumers.runtime.leading import LeaderStore, Leading, Line, clock
from consumers.runtime.listening import CURSOR_SECONDS, Listening
from consumers.runtime.reading import read_command
from consumers.runtime.settling import BATCH, Settler, probe
from consumers.runtime.state import Want
from consumers.runtime.store import Store
from contracts.catalogue import domain_waits_subject, outbox_hint_subject
from contracts.envelope import Envelope
from contracts.message import Command

log = logging.getLogger(__name__)
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between two tries of a domain that cannot work
SAYING = 1.0  # seconds between two words to the edges that the domain waits
Observer = Callable[[list[Item]], None]


class Runtime:
    """The one active consumer of a domain; `connect` opens the connection that holds the domain's lock and writes (`leading`).

    `commands` are the consumers of what it decides, one for each stream; `feed` and `history` are needed where it reacts.
    """

    def __init__(
        self,
        domain: Domain,
        nc: Any,
        connect: Callable[[], Any],
        commands: Sequence[PullConsumer],
        feed: Callable[[int], Any],
        history: History | None = None,
    ) -> None:
        self.domain, self.nc = domain, nc
        self._own: deque[Item] = deque()
        self.settler = Settler(domain, self._tell, self._make_room)
        self.waits = ""  # why the domain can do nothing at all
        self._pause = SHORTEST_WAIT
        self._wake = asyncio.Event()
        self.listening = Listening(domain, history, feed, self.settler, self._wake)
        self.observers: list[Observer] = []
        self.on_folded: Callable[[Sequence[Folded]], None] = lambda folded: None  # told of what was learned, history too
        self.prepare: list[Callable[[], Awaitable[None]]] = []  # awaited under the lock, before anything is decided
        self.admits: Callable[[Item], bool] = lambda item: True  # what is not admitted is acknowledged, and that is all
        self.foresees: Callable[[Item], tuple[Want, ...]] = lambda item: ()  # rows that a command will ask for, as far as its memory knows
        self.on_timers: Callable[[datetime], None] = lambda soonest: None
        self.on_effects: Callable[[Made], None] = lambda made: None
        self.leading = Leading.of_domain(domain.name, zlib.crc32(f"flatrender {domain.name}".encode()), connect)
        self.intake = Intake(commands, self._read, self._weigh, self._wake, self._is_sure)
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
        await self.listening.begin(store)
        log.info("%s: active; %s", self.domain.name, self.listening)
        for prepare in self.prepare:
            await prepare()
        # Last, and without a pause before: what was chosen by an older picture must not be decided.
        self._own.clear()
        pumps = [asyncio.create_task(self._take_in(source)) for source in self.intake.sources]
        pumps += [asyncio.create_task(source.read_ahead()) for source in self.intake.sources]
        pumps += [asyncio.create_task(work) for work in (self.listening.pump(), self.intake.watch())]
        spoken = self.intake.sources[:1]  # not of reports
        pumps += [asyncio.create_task(say(source, self.nc, self.domain.name, self._is_sure)) for source in spoken]
        if self.waits:
            log.warning("%s decides again", self.domain.name)
        self.waits = ""
        self.active.set()
        tasks = [asyncio.create_task(self._work(store)), asyncio.create_task(until_lost(conn)), *pumps]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(conn, tasks)
            await self.intake.give_back()  # who decides nothing holds nothing

    def _is_sure(self) -> bool:
        return self.leading.is_sure

    def _make_room(self) -> None:
        self.intake.make_room()
        self.listening.room.set()

    async def _take_in(self, source: Source) -> None:
        await self.listening.learned.wait()  # what the domain has to learn first: until then commands wait in their stream
        await self.intake.pump(source)

    def _read(self, msg: Msg) -> Item:
        item = scout(self.domain, read_command(self.domain, msg))
        item.wants += self.foresees(item)
        return item

    def _weigh(self, item: Item) -> int:
        return self.domain.weight(item.command)

    async def _work(self, store: Store) -> None:
        settler, listening = self.settler, self.listening
        while True:
            await self._something()
            await listening.catch_up(store)
            held = settler.take_held()
            if not listening.learned.is_set():
                if held:
                    await settler.settle(store, held)
                continue
            heard = await listening.take()
            commands = await self._admitted(self.intake.take(settler.most))
            items = held + heard.items + self._take_own() + commands
            # Events that nobody reacts to need no transaction of their own: they may be read again.
            cursors = listening.cursors(all_of_them=bool(held or heard.items or heard.folded))
            began = clock()
            if items or heard.folded or cursors:
                await settler.settle(store, items, cursors, heard.folded)
            else:
                self._make_room()
            await self.intake.rest(clock() - began)
            listening.settled()
            del items, held, heard, commands  # what is done is let go before the collector looks
            collector.tidy()

    async def _admitted(self, items: list[Item]) -> list[Item]:
        admitted = []
        for item in items:
            if not self.admits(item):
                if await self.leading.holds(self.leading.lease):
                    await ack(item.raw)
                    self.intake.done([item.raw])
            elif wait := self.settler.parking.wait(item.envelope.type):
                await nak(item.raw, wait)
            else:
                admitted.append(item)
        return admitted

    async def _something(self) -> None:
        if self.listening.learned.is_set() and (self.intake or self._own):
            return
        self._wake.clear()
        seconds = min(CURSOR_SECONDS, self.settler.next_turn(), self.listening.wait())
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _take_own(self) -> list[Item]:
        """What this very process asks for; of a parked type one is tried when it is the type's turn, as with any other."""
        items: list[Item] = []
        for item in [self._own.popleft() for _ in range(min(BATCH, len(self._own)))]:
            if self.settler.parking.wait(item.envelope.type):
                self.settler.on_put_off(item)
            else:
                items.append(item)
        return items

    async def _tell(self, batch: Batch) -> None:
        if any(item.events for item in batch.items):
            await self.nc.publish(outbox_hint_subject(), b"")
        if batch.folded:
            self.on_folded(batch.folded)
        for observe in self.observers:
            observe(batch.items)
        if batch.effects:
            self.on_effects(batch.effects)
        if batch.timing.soonest is not None:
            self.on_timers(batch.timing.soonest)
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
        done = [item.raw for item in batch.items if item.raw is not None and not item.again]
        ack_all(done)
        self.intake.done(done)
