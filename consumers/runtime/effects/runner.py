"""The runner of a domain's effects: lanes that claim what is due as slots are free, and looks at what is unknown or not reported."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg

from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.domain import Domain
from consumers.runtime.effects.execution import Carrier, Publish
from consumers.runtime.effects.groups import GroupRunner
from consumers.runtime.effects.making import Made
from consumers.runtime.effects.row import TO_BEGIN, Claimed
from consumers.runtime.effects.slots import Slots
from consumers.runtime.effects.statements import LEASE, NIL, Statements
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Pool
from consumers.runtime.tools import Tools
from contracts.effects import Lane

log = logging.getLogger(__name__)
SLOTS: dict[Lane, int] = {"prompt": 64, "bulk": 64, "chunks": 2}
REPORTS, LOOKS = 32, 16  # answers that are published again, and unknown effects that are asked for, at once
POLL = 15.0  # seconds between looks for what nobody has told of
AWAY = 0.5  # seconds between tries while the database is away
SHORTEST = 0.02
SLOW_READERS = 2  # connections that effects of the slow lanes may read over at once: the others are for what a person waits for
REST = 2.5  # seconds that effects under way have to end when the process is told to, which is killed after 5
SWEEP = 3600.0
FAULTS = (asyncpg.PostgresError, *DATABASE_AWAY)


class Bell:
    """Wakes one loop, now or in some seconds; nothing is kept of each call but the soonest moment."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None

    def ring(self, seconds: float = 0.0) -> None:
        """Have the loop look in so many seconds; beyond a poll it looks anyway."""
        if seconds <= 0:
            self._rung.set()
        elif seconds < POLL:
            loop = asyncio.get_running_loop()
            if self._later is not None:
                if self._later.when() <= loop.time() + seconds:
                    return
                self._later.cancel()
            self._later = loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self._later = None
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Until it rings, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(SHORTEST, seconds)):
                await self._rung.wait()
        self._rung.clear()


class EffectRunner:
    """Runs a domain's effects while this process leads it; `tools` is what they may use, `publish` sends the commands that report them.

    In memory is what has a slot, and nothing else. What this process had begun and somebody else took over meanwhile is broken off.
    """

    def __init__(self, domain: Domain, pool: Pool, publish: Publish, tools: Any, leading: Leading) -> None:
        self.domain, self._leading = domain, leading
        kinds = {kind.name: kind for kind in domain.effects if kind.together is None}
        self._rows = Statements(domain.name, kinds, pool, leading)
        self._grace = max((kind.timeout for kind in kinds.values()), default=0.0) + TO_BEGIN
        self._lanes: dict[Lane, Slots] = {lane: Slots(most) for lane, most in SLOTS.items() if any(k.lane == lane for k in kinds.values())}
        self._bells: dict[Lane | str, Bell] = {name: Bell() for name in (*self._lanes, "owing", "open")}
        self._owing, self._open = Slots(REPORTS), Slots(LOOKS)
        self._groups = GroupRunner(domain.name, domain.effects, tools, leading)
        self._carrier = Carrier(self._rows, leading, publish, self._tools_for(tools), self._later)
        self._epoch = -1
        self._resting = False

    @staticmethod
    def _tools_for(tools: Any) -> Callable[[Claimed], Any]:
        if not isinstance(tools, Tools):
            return lambda row: tools
        slow = tools.bounded(SLOW_READERS)
        return lambda row: tools if row.kind.lane == "prompt" else slow

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._groups.running or any(slots.rows for slots in self._all))

    @property
    def _all(self) -> list[Slots]:
        return [*self._lanes.values(), self._owing, self._open]

    @property
    def _own(self) -> list[UUID]:
        return [id for slots in self._all for id, row in slots.rows.items() if not row.released]

    @property
    def leads(self) -> bool:
        """Whether this process leads the domain."""
        return self._leading.active.is_set()

    async def counts(self) -> list[asyncpg.Record]:
        """What there is, by kind and state, of a domain that this process leads."""
        return await self._rows.counts() if self.leads else []

    def start_new(self, made: Made) -> None:
        """A batch was committed: carry out what has no rows, and look into the lanes of what has."""
        if made.grouped:
            self._groups.start(made.grouped)
        for lane in made.lanes:
            self._bells[lane].ring()
        if made.steered:
            self._later(0.0)

    async def take_over(self) -> None:
        """Take up what an earlier leader of the domain left behind; called when this process has become the leader."""
        if self._leading.begins:  # what still runs here is another's by now
            for slots in self._all:
                slots.end(slots.rows)
        own = [] if self._leading.begins else self._own
        left = await self._rows.take_over(own, self._groups.left)
        self._epoch = -1
        self._groups.start(left)
        self._later(0.0)

    async def run(self) -> None:
        """Work whenever this process leads, until cancelled."""
        loops = [self._lane(lane, slots) for lane, slots in self._lanes.items()]
        await asyncio.gather(
            *loops,
            self._look("owing", self._owing, self._rows.claim_owing, self._carrier.report),
            self._look("open", self._open, self._rows.claim_open, self._carrier.settle),
            self._renew(),
            self._sweep(),
        )

    async def rest(self) -> None:
        """Begin nothing more, and let what is under way come to its end, so that a planned stop leaves nothing unknown."""
        self._resting = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST):
                await asyncio.gather(*(slots.until_empty() for slots in self._all))

    def _later(self, seconds: float) -> None:
        for bell in self._bells.values():
            bell.ring(seconds)

    async def _ready(self, slots: Slots) -> None:
        """Wait until this process leads and has room."""
        await self._leading.active.wait()
        await slots.until_free()
        if self._resting:
            await asyncio.Event().wait()  # for ever

    async def _lane(self, lane: Lane, slots: Slots) -> None:
        behind, bell = (NIL, ""), self._bells[lane]
        idle, wait = True, POLL  # over all pairs since the first: whether nothing was due, and the seconds until something is
        while True:
            await self._ready(slots)
            try:
                found = await self._rows.claim(lane, behind, slots.free, self._own, self._grace)
            except FAULTS as error:
                log.warning("%s: effects cannot be claimed: %s", self.domain.name, error)
                await bell.wait(AWAY)
                continue
            for row in found.rows:
                slots.start(row, self._carrier.carry_out(row))
            await self._mind_epoch(found.epoch)
            idle, wait = idle and not found.wanted, wait if found.wait is None else min(wait, found.wait)
            behind = (NIL, "") if found.end else found.last
            if found.end and idle:
                await bell.wait(wait)
            if found.end:
                idle, wait = True, POLL
            if not found.rows and found.wanted:  # a rate was taken up by somebody else at the same moment
                await bell.wait(SHORTEST)

    async def _mind_epoch(self, epoch: int) -> None:
        """When the log was restored, judge at once what may have been done after the backup."""
        if epoch > self._epoch:
            try:
                await self._rows.doubt_restored(self._grace)
            except FAULTS as error:
                log.warning("%s: what a restore leaves in doubt cannot be marked yet: %s", self.domain.name, error)
                return
            self._epoch = epoch

    async def _look(
        self,
        name: str,
        slots: Slots,
        claim: Callable[[int, list[UUID]], Awaitable[tuple[list[Claimed], float | None]]],
        work: Callable[[Claimed], Coroutine[Any, Any, None]],
    ) -> None:
        bell = self._bells[name]
        while True:
            await self._ready(slots)
            try:
                rows, wait = await claim(free := slots.free, self._own)
            except FAULTS as error:
                log.warning("%s: what is %s cannot be looked at: %s", self.domain.name, name, error)
                await bell.wait(AWAY)
                continue
            for row in rows:
                slots.start(row, work(row))
            if len(rows) < free:
                await bell.wait(min(POLL, wait if wait is not None else POLL))

    async def _renew(self) -> None:
        """Renew the claims, and break off what is another's by now."""
        while True:
            await asyncio.sleep(LEASE / 3)
            await self._leading.active.wait()
            under_way = [row for slots in self._all for row in slots.rows.values()]
            if not under_way:
                continue
            try:
                held = await self._rows.hold(under_way)
            except FAULTS as error:
                log.warning("%s: claims cannot be renewed: %s", self.domain.name, error)
                continue
            for slots in self._all:
                slots.end(row.id for row in under_way if row.id not in held and slots.rows.get(row.id) is row)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            await self._leading.active.wait()
            with contextlib.suppress(*FAULTS):
                await self._rows.forget_destinations()
