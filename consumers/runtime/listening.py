"""What a domain hears of the log: live by one feed for all reactions that stand at the same place, and from history for what is behind."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nats.aio.msg import Msg

from adapters.nats import PositionGone, sequences_of
from consumers.runtime.catching_up import CatchingUp, Taken
from consumers.runtime.decoding import Happened
from consumers.runtime.domain import Domain
from consumers.runtime.history import History
from consumers.runtime.reaction_cursors import Group, Place, begin, begin_ids
from consumers.runtime.reactions import Fold, ears_of
from consumers.runtime.settling import BATCH, Settler
from consumers.runtime.store import Store

log = logging.getLogger(__name__)
CURSOR_EVENTS, CURSOR_SECONDS = 500, 30.0  # how far the kept cursors may stay behind while nothing is reacted to
MOST_HELD = 4 * BATCH  # reactions that wait for their type; with more, theirs are read again later
SOON, LATER = 0.002, 0.1  # seconds until it is looked again whether an event is known to be published, growing
SAY_EVERY = 5.0  # seconds between two words of how far a fold has come that its domain waits for
OpenFeed = Callable[[int], Awaitable[Any]]


class Listening:
    """Of one leader at a time: `begin`, then `pump` beside the turns of `take`, `catch_up` and `cursors`."""

    def __init__(self, domain: Domain, history: History | None, open_feed: OpenFeed, settler: Settler, wake: asyncio.Event) -> None:
        self.domain, self._history, self._open_feed, self._settler, self._wake = domain, history, open_feed, settler, wake
        self._ears = ears_of(domain.reacts)
        self._behind = CatchingUp(domain, self._ears, history, settler)
        self._live: Group | None = None
        self._events: deque[tuple[int, Msg | None]] = deque()  # None: nothing to react to up to that position
        self._places: Mapping[str, Place] = {}
        self._wanted = asyncio.Event()  # a feed, from the live group's place on
        self._waits = 0.0  # seconds, for the first event to be known as published
        self._gone = False  # the feed does not hold what comes next
        self._published = self._fold_at = 0  # up to where the log is known to be published, and where the last event for a fold lies
        self._kept_at = self._said_at = 0.0
        self.learned = asyncio.Event()  # the domain takes commands
        self.room = asyncio.Event()

    async def begin(self, store: Store) -> None:
        """Find out where each reaction stands: the furthest are read for by the feed, the others are behind; while one learns, all are."""
        self._events.clear()
        self._live, self._gone, self._waits, self._fold_at, self._published = None, False, 0.0, 0, 0
        self._behind = CatchingUp(self.domain, self._ears, self._history, self._settler)
        self._places = await self._begun(store)
        self._settler.begin({name: place.position for name, place in self._places.items()})
        groups: dict[int, set[str]] = {}
        for name, place in self._places.items():
            groups.setdefault(place.position, set()).add(name)
        self._kept_at = time.monotonic()
        self._wanted.clear()
        if groups and not self._learning():
            first = max(groups)
            self._go_live(Group(first, groups.pop(first)))
        for cursor, names in groups.items():
            self._behind.add(Group(cursor, names))
        self._look_whether_learned()

    async def _begun(self, store: Store) -> Mapping[str, Place]:
        if not self.domain.reacts:
            return {}
        assert self._history is not None, "who reacts has a history"
        self._settler.former = await begin_ids(store, self._history)
        return await begin(store, self.domain, self._history, self._ears)

    def _go_live(self, group: Group) -> None:
        self._events.clear()
        self._live = group
        self._wanted.set()

    @property
    def is_live(self) -> bool:
        """Whether every reaction is read for by the feed."""
        return self._live is not None and not self._behind.groups

    def __str__(self) -> str:
        return ", ".join(f"{name} at {position}" for name, position in sorted(self._settler.kept.items())) or "no reactions"

    async def pump(self) -> None:
        """Read the feed while there is a live group; what the stream does not hold any more is caught up from history."""
        while True:
            await self._wanted.wait()
            assert self._live is not None
            feed = await self._open_feed(self._live.cursor)
            try:
                await self._read(feed)
            except PositionGone as error:
                log.warning("%s: %s; it is caught up from history", self.domain.name, error)
                self._wanted.clear()
                self._gone = True
                self._wake.set()
            finally:
                await feed.close()

    async def _read(self, feed: Any) -> None:
        while True:
            while len(self._events) > 4 * BATCH:
                self.room.clear()
                await self.room.wait()
            messages = await feed.next(BATCH, CURSOR_SECONDS)
            for msg in messages:
                position = sequences_of(msg)[0]
                self._events.append((position, msg))
                if self._is_learned_from(msg):
                    self._fold_at = position
            if not messages:  # nothing that this domain reacts to: its cursors follow all the same
                self._events.append((await feed.seen_to(), None))
            self._wake.set()

    def _is_learned_from(self, msg: Msg) -> bool:
        return any(isinstance(one, Fold) for one in self._ears.of((msg.headers or {}).get("ce-type", "")))

    def wait(self) -> float:
        """Seconds until there is something to do; 0 for now."""
        if self._gone or (self._events and self.learned.is_set()):
            return self._waits
        return min(self._behind.wait(None if self.learned.is_set() else self._learning()), CURSOR_SECONDS)

    async def take(self) -> Taken:
        """What the feed brought and a batch takes; nothing is learned before it is known to be published: no cursor could pass it."""
        taken = Taken(self.domain, self._ears, self._settler)
        if self._fold_at > self._published and self._history is not None:
            self._published = await self._history.head()
        waited, self._waits = self._waits, 0.0
        while self._live is not None and self._events and taken.weight < self._settler.most:
            position, msg = self._events[0]
            if position > self._published and msg is not None and self._is_learned_from(msg):
                self._waits = min(LATER, waited * 2) if waited else SOON
                break
            self._events.popleft()
            if position > self._live.cursor:
                self._live.cursor = position
                if msg is not None:
                    taken.hear(Happened.of_message(position, msg), self._live.names)
        return taken

    def cursors(self, *, all_of_them: bool) -> Mapping[str, int]:
        """Where the reactions that are read for by the feed stand; nothing while that can wait: the events may be read again."""
        live = self._live
        if live is None:
            return {}
        behind = max((self._settler.safe(name, live.cursor) - self._settler.kept.get(name, 0) for name in live.names), default=0)
        late = behind >= CURSOR_EVENTS or (behind > 0 and time.monotonic() - self._kept_at > CURSOR_SECONDS)
        if not (all_of_them or late):
            return {}
        self._kept_at = time.monotonic()
        return dict.fromkeys(live.names, live.cursor)

    def settled(self) -> None:
        """After a batch: what failed is behind now, and so is what is held in too great a number."""
        self._behind.split_stuck((self._live,) if self._live else ())
        if len(self._settler.held) > MOST_HELD and self._live is not None:
            names = {item.reaction for item in self._settler.held} & self._live.names
            for name in names:
                self._behind.add(Group(self._settler.safe(name, self._live.cursor), {name}))
            self._live.names -= names
            self._settler.held = [item for item in self._settler.held if item.reaction not in names]

    async def catch_up(self, store: Store) -> None:
        """One turn of what is behind, if anything is; while a fold learns what its domain waits for, of that alone."""
        if self._gone and self._live is not None:
            self._events.clear()
            self._behind.add(self._live)
            self._gone, self._live = False, None
        learning = None if self.learned.is_set() else self._learning()
        there = await self._behind.turn(store, self._live, learning)
        if there is not None:
            self._behind.groups.remove(there)
            self._go_live(there)
        if learning is not None:
            self._look_whether_learned()

    def _learning(self) -> set[str]:
        kept = self._settler.kept
        return {name for name, place in self._places.items() if kept.get(name, 0) < place.goal}

    def _look_whether_learned(self) -> None:
        learning = self._learning()
        if not learning:
            if not self.learned.is_set() and self._said_at:
                log.warning("%s has learned what was, and takes commands", self.domain.name)
            self._said_at = 0.0
            self.learned.set()
            return
        self.learned.clear()
        if time.monotonic() - self._said_at > SAY_EVERY:
            self._said_at = time.monotonic()
            for name in sorted(learning):
                kept, goal = self._settler.kept.get(name, 0), self._places[name].goal
                log.warning("%s learns %s: at %d of %d; its commands wait", self.domain.name, name, kept, goal)
