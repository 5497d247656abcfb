"""From items to a committed batch, whatever fails: each error costs the message, its type, or all the domain's work, and never more."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from adapters.nats import nak
from consumers.runtime.batch import NOT_KEPT, Batch
from consumers.runtime.clock import Clock, utc_now
from consumers.runtime.domain import Domain
from consumers.runtime.faults import DomainWaits, fault_of, message_of
from consumers.runtime.folding import Folded
from consumers.runtime.item import Item
from consumers.runtime.leading import BUDGET, clock
from consumers.runtime.parking import Parking
from consumers.runtime.reactions import CURSOR, ears_of
from consumers.runtime.store import Store
from contracts.personal import is_personal

log = logging.getLogger(__name__)
BATCH = 500
BACK = 0.3  # seconds until what was given back comes again
SHORTEST_TURN = 0.05  # seconds
TRIED = ("done", "refused")  # outcomes by which a parked type has shown that it works


class Stuck(msgspec.Struct, frozen=True):
    """A fold that fails behind a position, where it stays."""

    at: int
    why: str


class Settler:
    """Commits what a domain has taken; `tell` says afterwards what became of it.

    An error is the message's fault (it ends refused or in quarantine), ours (its type is parked), or passing (all is given back). Only
    when the runtime's own statements fail, nothing goes on: DomainWaits. A fold's error is always ours: it alone stays where it is.
    """

    def __init__(self, domain: Domain, tell: Callable[[Batch], Awaitable[None]], on_writing: Callable[[], None]) -> None:
        self.domain, self._tell, self._on_writing = domain, tell, on_writing
        self.parking = Parking()
        self.clock: Clock = utc_now  # by which decisions are made
        self.held: list[Item] = []  # reactions of parked types: their cursors stay before the first of them
        self.kept: dict[str, int] = {}  # each reaction's cursor, as it is stored
        self.former = 0  # up to which position reactions' commands have the ids of the releases before
        self.stuck: dict[str, Stuck] = {}  # folds that failed, and the reactions that follow them; whoever reads takes them out
        self.on_put_off: Callable[[Item], None] = lambda item: None  # told of a command of this very process that is not tried now
        self.most = BATCH  # how much a batch may weigh: less after one that took more time than it may
        self._parked_now: set[str] = set()  # while the present items are settled

    def begin(self, kept: Mapping[str, int]) -> None:
        """The domain leads anew; its reactions stand there."""
        self.held.clear()
        self.stuck.clear()
        self.kept = dict(kept)

    def safe(self, reaction: str, cursor: int) -> int:
        """How far a reaction's cursor may be kept: never beyond what is not stored yet."""
        if reaction in self.stuck:
            cursor = min(cursor, self.stuck[reaction].at)
        return min([cursor, *(item.position - 1 for item in self.held if item.reaction == reaction)])

    def stick(self, fold: str, at: int, error: Exception) -> None:
        """A fold fails behind this position, and stays there with what follows it."""
        for name in ears_of(self.domain.reacts).with_followers(fold):
            known = self.stuck.get(name)
            if known is None or at < known.at:
                self.stuck[name] = Stuck(at, message_of(error))
        self.held = [item for item in self.held if not self._is_beyond(item)]

    def _is_beyond(self, item: Item) -> bool:
        """Whether it comes after what its reaction waits for: it is read again."""
        return item.reaction in self.stuck and item.position > self.stuck[item.reaction].at

    def next_turn(self) -> float:
        """Seconds until a held reaction may be tried; infinite when none is held."""
        types = {item.envelope.type for item in self.held}
        return max(SHORTEST_TURN, min(map(self.parking.left, types))) if types else float("inf")

    def take_held(self) -> list[Item]:
        """The held reactions whose turn it is: one, or as many of a type as a batch takes once that works again."""
        left: list[Item] = []
        due: list[Item] = []
        for item in self.held:
            (left if len(due) >= self.most or self.parking.wait(item.envelope.type) else due).append(item)
        self.held = left
        return due

    async def settle(
        self, store: Store, items: list[Item], cursors: Mapping[str, int] | None = None, folded: Sequence[Folded] = ()
    ) -> None:
        """Commit what was folded, items, and with the last of them the reactions' cursors (those not named are left).

        Raises DomainWaits and what passes, with all given back.
        """
        self._parked_now.clear()
        began = clock()
        if self.stuck:
            items = [item for item in items if not self._is_beyond(item)]
        try:
            await self._commit(store, items, cursors or {}, folded)
            self.most = min(BATCH, self.most * 2)
        except Exception:
            if clock() - began > BUDGET * 0.9:
                self._shrink(items)
            for item in items:  # of one that was acknowledged meanwhile the broker does nothing more
                if item.raw is not None:
                    await nak(item.raw, BACK)
            raise

    def _shrink(self, items: list[Item]) -> None:
        """The server ended a batch that took too long: the next is smaller, until the one command that takes so long is found."""
        self.most = max(1, min(self.most, len(items)) // 2)
        if len(items) == 1:
            self.parking.park(items[0].envelope.type, f"one of them takes longer than the {BUDGET:.0f} s of a batch")

    async def _commit(self, store: Store, items: list[Item], cursors: Mapping[str, int], folded: Sequence[Folded] = ()) -> None:
        """Commit, halving the batch down to the culprit."""
        try:
            await self._write(store, items, cursors, folded)
        except Exception as error:
            fault = fault_of(error, among_rows=store.among_rows, written=self.domain.written)
            if fault == "passing":
                log.warning("%s: %s; %d commands wait", self.domain.name, message_of(error), len(items))
                raise
            if fault == "ours" or folded:
                await probe(store)
            if folded:
                await self._fold_alone(store, cursors, folded)
                await self._commit(store, [item for item in items if not self._is_beyond(item)], cursors)
            elif items:
                await self._go_on(store, items, cursors, error, parks=fault == "ours")
            else:
                raise DomainWaits(f"the cursors cannot be moved: {message_of(error)}") from error

    async def _write(self, store: Store, items: list[Item], cursors: Mapping[str, int], folded: Sequence[Folded]) -> None:
        """One batch in one transaction, and what is told of it."""
        moves = {CURSOR + name: safe for name, cursor in cursors.items() if (safe := self.safe(name, cursor)) > self.kept.get(name, 0)}
        batch = Batch(self.domain, store, items, moves, folded, self.clock())
        batch.on_writing = self._on_writing
        await batch.commit()
        self.kept |= {name.removeprefix(CURSOR): position for name, position in batch.kept.items()}
        self._free(batch)
        await self._tell(batch)

    async def _fold_alone(self, store: Store, cursors: Mapping[str, int], folded: Sequence[Folded]) -> None:
        """Each fold by itself, as far as it goes: one that fails stays there, and costs nobody else anything."""
        for name in dict.fromkeys(one.fold.name for one in folded):
            mine = [one for one in folded if one.fold.name == name]
            await self._fold_as_far(store, mine, cursors.get(name, mine[-1].position))

    async def _fold_as_far(self, store: Store, folded: Sequence[Folded], reached: int) -> bool:
        """Fold some events of one fold and move its cursor, halving down to the one that fails; answers whether all went well."""
        name = folded[0].fold.name
        try:
            await self._write(store, [], {name: reached}, folded)
        except Exception as error:
            if fault_of(error, among_rows=store.among_rows, written=self.domain.written) == "passing":
                raise
            if len(folded) == 1:
                self.stick(name, folded[0].position - 1, error)
                return False
            half = len(folded) // 2
            first = await self._fold_as_far(store, folded[:half], folded[half].position - 1)
            return first and await self._fold_as_far(store, folded[half:], reached)
        return True

    async def _go_on(self, store: Store, items: list[Item], cursors: Mapping[str, int], error: Exception, *, parks: bool) -> None:
        if len(items) > 1:
            half = len(items) // 2
            await self._commit(store, items[:half], {})
            await self._commit(store, await self._without_parked(items[half:]), cursors)
        elif parks:
            await self._park(items[0], message_of(error))
        else:
            self._blame(items[0], error)
            await self._commit(store, items, cursors)

    def _blame(self, item: Item, error: Exception) -> None:
        """Have the one command that cannot be stored refused, if a constraint says why, else quarantined. Raises DomainWaits."""
        reason = f"{type(error).__name__}: {NOT_KEPT}" if is_personal(item.envelope.type) else message_of(error)  # which may quote a value
        if item.command is not None and item.verdict is None and (problem := self.domain.refusal_of(error)):
            item.verdict = problem
        elif item.command is not None:
            log.error("%s: %s %s cannot be stored: %s", self.domain.name, item.envelope.type, item.envelope.id, reason)
            item.verdict = None
            item.give_up(reason)
        elif not item.bare:
            item.bare = True
        else:
            raise DomainWaits(f"a message cannot be quarantined: {reason}") from error

    async def _park(self, item: Item, why: str) -> None:
        """It fails by our own fault: its type is given back, with no trace in the inbox, until it works again."""
        self._parked_now.add(item.envelope.type)
        await self._put_off(item, self.parking.park(item.envelope.type, why))

    async def _without_parked(self, items: list[Item]) -> list[Item]:
        """Those whose type was not parked a moment ago, with the first half of their batch."""
        left = []
        for item in items:
            if item.envelope.type in self._parked_now:
                await self._put_off(item, self.parking.wait(item.envelope.type))
            else:
                left.append(item)
        return left

    async def _put_off(self, item: Item, seconds: float) -> None:
        if item.raw is not None:
            await nak(item.raw, seconds)
        elif item.own:  # its maker chooses anew
            self.on_put_off(item)
        else:
            self.held.append(item)

    def _free(self, batch: Batch) -> None:
        if self.parking:
            for item in batch.items:
                if item.outcome is not None and item.outcome.state in TRIED and not item.seen:
                    self.parking.free(item.envelope.type)


async def probe(store: Store) -> None:
    """Raises DomainWaits when what every batch does cannot be done, and what passes."""
    try:
        await store.probe()
    except Exception as error:
        if fault_of(error, among_rows=False) == "passing":
            raise
        raise DomainWaits(message_of(error)) from error
