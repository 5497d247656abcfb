"""What a domain takes in: pulled as it comes, held in lanes by tenant, read ahead and taken by turns.

All that waits in a stream is seen at once, so that nobody's command hides behind another's thousands: of a lane that has more than its
share, the rest is set aside in the stream until about its turn. Whatever is held is told to the broker as in progress.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from nats.aio.msg import Msg

from adapters.nats import PullConsumer, in_progress, nak_all, sequences_of
from consumers.runtime.item import Item
from consumers.runtime.lanes import Held, Lanes
from consumers.runtime.redeliveries import Redeliveries
from consumers.runtime.settling import BACK, BATCH
from contracts.catalogue import undecided_subject
from contracts.queue import Undecided

WINDOW = 16_384  # messages of a stream that are held, a longer one counting as several (Held.size): divided among the lanes in use
LEAST = 64  # of each, however many lanes there are
AT_ONCE = 100  # messages that are put into lanes in one go
TURN = 5000  # messages of a stream that are taken in for each batch, while there are any to be decided: else that would stand still
AHEAD = 2 * BATCH  # messages that are read before they are taken: while PostgreSQL is at work
SLICE = 25  # messages that are read in one go: some 2 ms
SHARED = 20  # what a batch weighs while one lane has more than that and others are in use: so long the others wait at most
REST = 0.05  # seconds, at the most, in which only others are served after such a batch: as long as it took
LATELY = 1.0  # seconds since its last message that a lane counts as in use, also while nothing waits in it
TELL = 2.0  # seconds after which a held message is told as in progress; JetStream waits for 5
STEPS = 50  # in which all that is held is told so
SLOWEST = 100.0  # commands per second, at the least, by which it is reckoned when a turn comes
SAY_EVERY, IDLE = 0.1, 5.0  # seconds between two words to the edges of how much waits, and while nothing comes
FEW = 8  # of a tenant's share, the part below which it is not told: the edges need not know
Read = Callable[[Msg], Item]


class Source:
    """One stream of a domain: what of it waits here, and what of it is not decided yet."""

    def __init__(self, consumer: PullConsumer, read: Read) -> None:
        self.consumer = consumer
        self.lanes = Lanes()
        self.undecided: dict[str, dict[int, int]] = {}  # by lane, the stream's sequences that came and are not done with, and their sizes
        self._waiting: dict[str, int] = {}  # by lane, the sum of these sizes
        self._floor = 0  # up to this sequence nothing is undecided
        self.per_second = 0.0  # taken lately
        self.came = asyncio.Event()  # something, since somebody cleared this
        self.room = asyncio.Event()
        self.turn = asyncio.Event()  # a batch is being written
        self.somebody = asyncio.Event()  # a lane in which nothing was has something now
        self._read = read
        self._unread: deque[Held] = deque()
        self._ahead = 0
        self._used: dict[str, float] = {}  # when each lane's last message came
        self._redeliveries = Redeliveries()

    def hold(self, messages: Sequence[Msg]) -> None:
        """Let messages wait in their lanes, or set them aside."""
        now, aside = time.monotonic(), []
        self.came.set()
        for msg in messages:
            held = Held(msg, lane_of(msg), sequences_of(msg)[0], now)
            self._count(held)
            self._used[held.lane] = now
            if self.lanes.size_of(held.lane) >= self._share(held.lane):
                aside.append((msg, self._delay(held.lane)))
            else:
                if not self.lanes.size_of(held.lane):
                    self.somebody.set()
                self.lanes.put(held)
                self._unread.append(held)
        nak_all(aside)
        if self._ahead < BATCH:
            self.room.set()

    def told(self) -> Undecided:
        """What the edges hear: one more tenant than there are now must fit in."""
        most = _part(len(self.undecided) + 1)
        many = {lane: size for lane, size in self._waiting.items() if size * FEW >= most}
        return Undecided(most=most, per_second=self.per_second, tenants=many)

    def _share(self, lane: str) -> int:
        return _part(len(self.lanes) + (not self.lanes.size_of(lane)))

    def _delay(self, lane: str) -> float:
        """Seconds until the lane is about half empty, as far as it came already; rather later than with too many others."""
        ahead = max(0.0, len(self.undecided[lane]) - self._share(lane) / 2)
        return self._redeliveries.after(ahead / max(SLOWEST, self.per_second))

    def crowd(self) -> frozenset[str]:
        """The lanes that have more than a short batch, while others are in use."""
        long = self.lanes.beyond(SHARED)
        recent = time.monotonic() - LATELY
        if not long or (len(self.lanes) == len(long) and not any(used > recent and lane not in long for lane, used in self._used.items())):
            return frozenset()
        return long

    async def read_ahead(self) -> None:
        """Read what waits, in the order of its coming, whenever there is room for it; until cancelled."""
        while True:
            await self.room.wait()
            self.room.clear()
            while self._unread and self._ahead < AHEAD:
                for held in [self._unread.popleft() for _ in range(min(SLICE, len(self._unread)))]:
                    if held.item is None and not held.gone:
                        held.item = self._read(held.raw)
                        self._ahead += 1
                await asyncio.sleep(0)

    def item_of(self, held: Held) -> Item:
        """What a message that is being taken was read as."""
        if held.item is None:
            held.item = self._read(held.raw)
        else:
            self._ahead -= 1
        return held.item

    def done(self, held: Held) -> None:
        """It was acknowledged."""
        self._done(held.lane, held.sequence)

    def _count(self, held: Held) -> None:
        left = self.undecided.setdefault(held.lane, {})
        self._waiting[held.lane] = self._waiting.get(held.lane, 0) + held.size - left.get(held.sequence, 0)
        left[held.sequence] = held.size

    def _done(self, lane: str, sequence: int) -> None:
        left = self.undecided.get(lane, {})
        if (size := left.pop(sequence, 0)) and left:
            self._waiting[lane] -= size
        elif size:
            del self.undecided[lane], self._waiting[lane]

    def _catch_up(self) -> None:
        """What was set aside may never come back: another process, that led before, has acknowledged it, or a person has removed it."""
        if self.consumer.floor != self._floor:
            self._floor = self.consumer.floor
            for lane, left in list(self.undecided.items()):
                for sequence in [one for one in left if one <= self._floor]:
                    self._done(lane, sequence)

    def forget(self) -> list[Held]:
        """Hold nothing any more; answers what was held."""
        self._unread.clear()
        self._ahead = 0
        self.undecided.clear()
        self._waiting.clear()
        self._used.clear()
        return self.lanes.clear()

    def tidy(self, taken: int, seconds: float) -> None:
        """Once in a while: reckon the pace, and forget lanes that are not in use and what the broker knows to be over."""
        self._catch_up()
        self.per_second = 0.5 * self.per_second + 0.5 * taken / seconds
        recent = time.monotonic() - LATELY
        self._used = {lane: used for lane, used in self._used.items() if used > recent}


class Intake:
    """All streams of a domain; `read` makes an item of a message, `cost_of` says how much of a batch it fills.

    While the process is not `sure` that it leads, it holds nothing: its database may be out of reach, and another decide meanwhile.
    """

    def __init__(
        self,
        consumers: Sequence[PullConsumer],
        read: Read,
        cost_of: Callable[[Item], int],
        wake: asyncio.Event,
        sure: Callable[[], bool],
    ) -> None:
        self.sources = [Source(one, read) for one in consumers]
        self._cost_of, self._wake, self._sure = cost_of, wake, sure
        self._deciding: dict[int, tuple[Source, Held]] = {}  # by the identity of their messages: what was taken last
        self._turn = 0
        self._short = False  # whether the last batch was without the lanes that have much
        self._crowded = False  # whether it was of those, while others are in use
        self._rests_until = 0.0
        self._taken = [0] * len(self.sources)

    def __bool__(self) -> bool:
        """Whether anything waits here."""
        return any(source.lanes for source in self.sources)

    def make_room(self) -> None:
        """Reading may go on: it takes long, and shall not while a decision waits for its rows."""
        for source in self.sources:
            source.room.set()
            source.turn.set()

    async def pump(self, source: Source) -> None:
        """Take in one stream until cancelled."""
        came = 0
        while True:
            messages = await source.consumer.next(AT_ONCE, 30.0)
            if messages and not self._sure():
                nak_all([(msg, BACK) for msg in messages])
                await source.consumer.close()
                await self._until_sure()
            elif messages:
                source.hold(messages)
                self._wake.set()
            came += len(messages)
            if came >= TURN and source.lanes:
                came = 0
                source.turn.clear()
                await source.turn.wait()
            await asyncio.sleep(0)  # nothing above waits where the buffer is full

    def take(self, most: int) -> list[Item]:
        """What fits into a batch, of each stream its part; a heavy command is the last of its batch."""
        crowds = [source.crowd() for source in self.sources]
        if any(crowds):
            most = min(most, SHARED)
        self._deciding.clear()
        self._turn += 1
        items: list[Item] = []
        # By turns also without those who have much: who comes while a short batch is decided waits for that and a still shorter one.
        self._short = any(crowds) and (not self._short or time.monotonic() < self._rests_until)
        if self._short:
            self._fill(items, most, crowds)
        self._crowded = not items and any(crowds)
        if not items:
            self._fill(items, most, [frozenset()] * len(crowds))
        for source in self.sources:
            source.somebody.clear()
        return items

    async def rest(self, seconds: float) -> None:
        """After a batch that took so long: leave time to others, who are in use, where it was of those who have much.

        What such a batch makes costs broker, log and edges time, too; who comes meanwhile is taken at once.
        """
        now = time.monotonic()
        if self._crowded:
            self._rests_until = now + min(REST, seconds)
        if now < self._rests_until and not any(len(source.lanes) > len(source.crowd()) for source in self.sources):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rests_until - now):
                    await self.sources[0].somebody.wait()

    def _fill(self, items: list[Item], most: int, without: list[frozenset[str]]) -> None:
        weight = 0
        for parts in (len(self.sources), 1):  # first its part for each, then what others left of theirs
            for number in range(len(self.sources)):
                if weight < most:
                    part = (most - weight) // max(1, parts - number)
                    at = (self._turn + number) % len(self.sources)
                    weight += self._take(at, max(1, part), items, without[at])

    def _take(self, at: int, most: int, items: list[Item], without: frozenset[str]) -> int:
        source, weight = self.sources[at], 0

        def cost_of(held: Held) -> int:
            nonlocal weight
            items.append(source.item_of(held))
            cost = self._cost_of(items[-1])
            weight += cost
            return cost

        taken = source.lanes.take(most, cost_of, without, ahead=SHARED)
        for held in taken:
            self._deciding[id(held.raw)] = source, held
        self._taken[at] += len(taken)
        return weight

    def done(self, messages: Sequence[Msg]) -> None:
        """Some of what was taken last was acknowledged."""
        for msg in messages:
            if (found := self._deciding.pop(id(msg), None)) is not None:
                found[0].done(found[1])

    async def watch(self) -> None:
        """Tell the broker each second what is in good hands, until cancelled."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(TELL / 2)
            now = time.monotonic()
            if not self._sure():
                self._let_go()
                continue
            for at, source in enumerate(self.sources):
                source.tidy(self._taken[at], now - began)
                self._taken[at] = 0
                deciding = [held for owner, held in self._deciding.values() if owner is source]
                late = [held for held in (*source.lanes, *deciding) if now - held.told >= TELL]
                await self._say_in_progress(late, now)

    async def _say_in_progress(self, late: list[Held], now: float) -> None:
        """Evenly over half a second: the server hears what is decided meanwhile behind what is said here."""
        part = max(AT_ONCE, len(late) // STEPS + 1)
        for start in range(0, len(late), part):
            some = [held for held in late[start : start + part] if not held.gone or id(held.raw) in self._deciding]
            for held in some:
                held.told = now
            in_progress([held.raw for held in some])
            await asyncio.sleep(0.5 / STEPS)

    async def give_back(self) -> None:
        """Hold nothing, and ask for nothing: another may lead."""
        self._deciding.clear()
        for source in self.sources:
            await source.consumer.close()
        self._let_go()

    def _let_go(self) -> None:
        for source in self.sources:
            nak_all([(held.raw, BACK) for held in source.forget()])

    async def _until_sure(self) -> None:
        while not self._sure():
            await asyncio.sleep(BACK)


async def say(source: Source, nc: Any, domain: str, sure: Callable[[], bool]) -> None:
    """Tell the edges how much waits: ten times a second while something comes and once more when it is over, else every five seconds.

    Who is not sure to lead knows nothing of it.
    """
    subject, again = undecided_subject(domain), True
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.0 if again else IDLE):
                await source.came.wait()
        await asyncio.sleep(SAY_EVERY)
        again = source.came.is_set() or bool(source.undecided)
        source.came.clear()
        if nc.is_connected and sure():
            await nc.publish(subject, msgspec.json.encode(source.told()))


def _part(lanes: int) -> int:
    """What of a stream one lane may hold, in messages, a long one counting as several, while so many are in use."""
    return max(LEAST, WINDOW // lanes)


def lane_of(msg: Msg) -> str:
    """Whose message it is: the tenant of a command, the node of a report."""
    return msg.subject.split(".", 2)[1]
