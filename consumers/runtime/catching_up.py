"""Reactions that are behind the feed: caught up from the log's history in turns with live work, until they stand where the feed does."""

import logging
from collections.abc import Iterable

from adapters.object_store import StoreError
from consumers.runtime.decoding import Happened, reactions, unreacted
from consumers.runtime.domain import Domain
from consumers.runtime.faults import message_of
from consumers.runtime.folding import Folded
from consumers.runtime.history import History, HistoryDamaged
from consumers.runtime.item import Item
from consumers.runtime.reaction_cursors import PAGE, Group
from consumers.runtime.reactions import Ears, Fold
from consumers.runtime.settling import Settler
from consumers.runtime.store import Store

log = logging.getLogger(__name__)
FIRST, LONGEST = 1.0, 60.0  # seconds between two tries of what fails
IDLE = 0.05  # seconds until the head is looked at again by what stands there


class Taken:
    """What some events come to: commands, and what is folded."""

    def __init__(self, domain: Domain, ears: Ears, settler: Settler) -> None:
        self._domain, self._ears, self._settler = domain, ears, settler
        self.items: list[Item] = []
        self.folded: list[Folded] = []
        self.weight = 0

    def hear(self, happened: Happened, names: Iterable[str]) -> None:
        """Let these reactions hear an event; what fails ends in quarantine, or holds its fold."""
        for one in self._ears.of(happened.envelope.type):
            if one.name not in names or one.name in self._settler.stuck:
                continue
            if isinstance(one, Fold):
                self._fold(one, happened)
                continue
            try:
                made = reactions(one, happened, former=self._settler.former)
            except Exception as error:  # a reaction's bug must not stop the feed; the event waits for a person
                log.exception("%s: reaction %s to %d failed", self._domain.name, one.name, happened.position)
                made = [unreacted(self._domain, one, happened, error)]
            for item in made:
                self._add(item)

    def _fold(self, fold: Fold, happened: Happened) -> None:
        try:
            self.folded.append(Folded(fold, happened.decoded(), happened.envelope, happened.position))
            self.weight += 1
        except Exception as error:  # nothing is passed over: it waits for a release that can read it
            self._settler.stick(fold.name, happened.position - 1, error)

    def _add(self, item: Item) -> None:
        if self._settler.parking.wait(item.envelope.type):
            self._settler.held.append(item)
        else:
            self.weight += self._domain.weight(item.command)
            self.items.append(item)


class CatchingUp:
    """The groups that are behind, the furthest first; each is read for up to where the next one stands, and joins it there."""

    def __init__(self, domain: Domain, ears: Ears, history: History | None, settler: Settler) -> None:
        self._domain, self._ears, self._history, self._settler = domain, ears, history, settler
        self.groups: list[Group] = []
        self._said: dict[str, str] = {}
        self._turn = 0

    def add(self, group: Group) -> None:
        """Some reactions are behind from now on."""
        if group.names:
            self.groups.append(group)
            self.groups.sort(key=lambda one: one.cursor)

    def split_stuck(self, groups: Iterable[Group]) -> None:
        """Take folds that failed, with what follows them, out of their groups: they are tried again by themselves, ever more seldom."""
        if not self._settler.stuck:
            return
        stuck, self._settler.stuck = self._settler.stuck, {}
        for group in [*groups, *self.groups]:
            # What follows a fold and is behind it stays where it is: it comes no further than the fold by itself.
            for at in {stuck[name].at for name in group.names if name in stuck and stuck[name].at <= group.cursor}:
                names = {name for name in group.names if name in stuck and stuck[name].at == at}
                group.names -= names
                delay = min(LONGEST, group.delay * 2) if group.delay else FIRST
                split = Group(at, names, delay)
                split.put_off(delay)
                self.add(split)
                self._alarm(at, names, stuck[min(names)].why)
        self.groups = [group for group in self.groups if group.names]

    def _alarm(self, at: int, names: Iterable[str], why: str) -> None:
        name = ", ".join(sorted(names))
        if self._said.get(name) != why:
            self._said[name] = why
            log.error("ALARM: %s stays at %d with what it learns by %s, while all else goes on: %s", self._domain.name, at, name, why)

    def wait(self, only: set[str] | None = None) -> float:
        """Seconds until a group may have its turn, see `turn`; infinite when none is behind."""
        return min((group.left for group in self._waiting(only)), default=float("inf"))

    def _waiting(self, only: set[str] | None) -> list[Group]:
        return [one for one in self.groups if not self._holds(one) and (only is None or one.names & only)]

    def _holds(self, group: Group) -> bool:
        """Whether what it made is held, and is tried again by itself."""
        return any(item.reaction in group.names for item in self._settler.held)

    async def turn(self, store: Store, live: Group | None, only: set[str] | None = None) -> Group | None:
        """Read on for one group; answers it once it stands at the end of the log while no feed is read.

        `only` are reactions of which one is in a group that may have its turn. Raises as Settler.settle does.
        """
        due = [one for one in self._waiting(only) if not one.left]
        if not due:
            return None
        group = min(due, key=lambda one: one.turn)
        self._turn = group.turn = self._turn + 1
        before = group.cursor
        try:
            is_there = await self._read(store, group, live)
        except (StoreError, HistoryDamaged) as error:  # what lies in archives cannot be read just now: nobody else waits for it
            self._put_off(group, error)
            return None
        self.split_stuck((live,) if live else ())
        self.groups = [one for one in self.groups if one.names]
        if group not in self.groups:
            return None
        if group.cursor > before and group.delay:
            group.delay = 0.0
            self._said.clear()
            log.warning("%s: %s goes on at %d", self._domain.name, ", ".join(sorted(group.names)), group.cursor)
        elif group.cursor == before:
            group.put_off(max(IDLE, group.delay))
        return group if is_there and not self._joins(group, live) else None

    def _put_off(self, group: Group, error: Exception) -> None:
        group.delay = min(LONGEST, group.delay * 2) if group.delay else FIRST
        group.put_off(group.delay)
        self._alarm(group.cursor, group.names, message_of(error))

    async def _read(self, store: Store, group: Group, live: Group | None) -> bool:
        """One page for a group; answers whether it came to where it was to be read."""
        assert self._history is not None, "who reacts has a history"
        self._leave_followers(group)
        others = [one.cursor for one in (*self.groups, *((live,) if live else ())) if one.cursor > group.cursor]
        head = await self._history.head()
        meets = min(others, default=head)
        until = min(meets, head, *self._folds_of(group, live))
        if until <= group.cursor:
            return group.cursor >= meets
        page = await self._history.read(group.cursor, until, self._ears.types(group.names), most=1 if group.delay else PAGE)
        taken, reached = Taken(self._domain, self._ears, self._settler), page.reached
        for row in page.events:
            if taken.items and taken.weight >= self._settler.most:
                reached = row.position - 1
                break
            taken.hear(Happened.of_record(row), group.names)
        if reached > group.cursor:
            await self._settler.settle(store, taken.items, dict.fromkeys(group.names, reached), taken.folded)
            group.cursor = reached
        return group.cursor >= meets

    def _leave_followers(self, group: Group) -> None:
        """What has come to where its fold stands stays with it, while the others go on."""
        for fold in (one for one in self.groups if one is not group and one.cursor == group.cursor):
            followers = {name for name in group.names if self._ears.follows(name) in fold.names}
            fold.names |= followers
            group.names -= followers

    def _folds_of(self, group: Group, live: Group | None) -> list[int]:
        """Where the folds stand that reactions of this group follow, and that are not in it."""
        everybody = [*self.groups, *((live,) if live else ())]
        followed = {self._ears.follows(name) for name in group.names} - group.names
        return [one.cursor for one in everybody for name in one.names if name in followed]

    def _joins(self, group: Group, live: Group | None) -> bool:
        """Whether a group goes on as one with another that stands where it does now, or has to go on by itself until it meets one."""
        if group.delay:
            return True
        for other in (*((live,) if live else ()), *(one for one in self.groups if one is not group and not one.delay)):
            if other.cursor == group.cursor:
                other.names |= group.names
                self.groups.remove(group)
                log.info("%s: %s caught up to %d", self._domain.name, ", ".join(sorted(group.names)), group.cursor)
                return True
        return live is not None or any(one.cursor > group.cursor for one in self.groups)
