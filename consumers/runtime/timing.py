"""A batch's part in its domain's timers: what its events set, move and drop, and whether a timer's command still has its timer.

A timer is (domain, tenant, name). Its command carries the name and the moment; the batch that decides it finds the row, and only if that
still says the same is the command decided, and the row removed or moved on, in that very transaction. So no decider has to remember it.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.domain import Domain, DropTimer, Refusal, SetRecurring, SetTimer, refuse
from consumers.runtime.item import Item
from consumers.runtime.recurrence import Recurrence, recurrence
from consumers.runtime.store import Store
from contracts.actors import TIMER
from contracts.envelope import Envelope
from contracts.ids import derived_id, id_text, moment_id
from contracts.message import Command, decode, type_of

MOVED = "timer.moved"
LONGEST_EARLY = 30.0  # seconds after which a command that is early is looked at again
Key = tuple[UUID, str]


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `<domain>.timers`, as far as what is due is concerned."""

    tenant_id: UUID
    name: str
    set_by: UUID  # the event that set or moved it
    type: str
    body: Any
    due_at: datetime
    recurrence: Recurrence | None
    set_aside: str = ""  # why it is published no more

    def __post_init__(self) -> None:
        if self.due_at.tzinfo is None:
            raise ValueError(f"the moment of timer {self.name} has no zone")

    @property
    def key(self) -> Key:
        """What names it within its domain."""
        return self.tenant_id, self.name

    def command(self) -> Command:
        """What becomes due. Raises KeyError, ValueError or MsgspecError for what this release cannot read."""
        message = decode(self.type, self.body) if isinstance(self.body, str) else self.body
        if not isinstance(message, Command):
            raise ValueError(f"{self.type} is no command")
        return message

    def command_id(self, domain: str) -> UUID:
        """The id of its command: of the timer, its moment, and the event that set it: one that is set again is another fact."""
        return moment_id(self.due_at, self.set_by, "timer", domain, self.tenant_id, self.name)

    def is_command(self, domain: str, id: UUID) -> bool:
        """Whether a command's id is this timer's own, or the one that the release before gave it, which may be in the stream already."""
        former = f"timer {domain} {id_text(self.tenant_id)} {self.name} {self.due_at.isoformat()}"
        return id == self.command_id(domain) or id == derived_id(self.set_by, former)

    def envelope(self, domain: str, command: Command) -> Envelope:
        """The envelope of its command, the same each time that it is published."""
        identity = self.command_id(domain)
        return Envelope(
            id=identity,
            type=type_of(command).full_name,  # the newest version of what was stored
            tenant=self.tenant_id,
            time=self.due_at,
            actor=TIMER,
            correlation=identity,
            causation=self.set_by,
            timer=f"{self.due_at.isoformat()} {self.name}",
        )

    def next(self, now: datetime) -> "Timer | None":
        """What it is once its present occurrence is decided: nothing more, or the next one."""
        following = self.recurrence and self.recurrence.following(self.due_at, now)
        return msgspec.structs.replace(self, due_at=following, set_aside="") if following else None

    @classmethod
    def of_row(cls, row: Any) -> "Timer":
        """Out of a row of the database. Raises MsgspecError for a recurrence that cannot be read."""
        values = dict(row)
        stored = values.pop("recurrence")
        return cls(**values, recurrence=None if stored is None else msgspec.json.decode(stored, type=Recurrence))


class Timing:
    """The timers that one batch is about; made anew for each try to commit it."""

    def __init__(self, domain: Domain, store: Store, items: Sequence[Item], now: datetime) -> None:
        self._domain, self._store, self._items, self._now = domain, store, items, now
        self._stored: dict[Key, Timer] = {}
        self._numbers: dict[int, int] = {}  # by which the items are told apart
        self._fired: dict[UUID, Timer] = {}  # by their commands' ids
        self._upto, self._changed = 0, dict[Key, Timer | None]()  # what the items before that one made of timers
        self.soonest: datetime | None = None  # when the first of those is due that the batch has written

    async def load(self) -> None:
        """Find the timers whose commands are in the batch."""
        keys = list(dict.fromkeys(key for item in self._items if (key := _claimed(item.envelope))))
        if not keys:
            return
        self._numbers = {id(item): number for number, item in enumerate(self._items)}
        rows = await self._store.conn.fetch(self._store.q.held_timers, [tenant for tenant, _ in keys], [name for _, name in keys])
        for row in rows:
            with contextlib.suppress(msgspec.MsgspecError):  # such a one is set aside, not published: this is no command of it
                timer = Timer.of_row(row)
                self._stored[timer.key] = timer

    def refusal(self, item: Item) -> Refusal | None:
        """Why the command of a timer is not decided; None when its timer is still there and says the same.

        One whose moment has not come yet by this process's clock is to be tried again then.
        """
        self._fired.pop(item.envelope.id, None)
        timer = self._timer_of(item)
        if timer is None or timer.command() != item.command:
            return refuse(MOVED, "the timer was moved or dropped before its command was decided")
        item.again = min(LONGEST_EARLY, max(0.0, (timer.due_at - self._now).total_seconds()))
        self._fired[item.envelope.id] = timer
        return None

    async def write(self, decided: Iterable[Item]) -> None:
        """Store what became of timers, in the batch's transaction; the last change of a name counts."""
        changes: dict[Key, Timer | None] = {}
        for item in decided:
            self._note(item, changes)
        kept = [timer for timer in changes.values() if timer is not None]
        dropped = [key for key, timer in changes.items() if timer is None]
        if dropped:
            await self._store.conn.execute(self._store.q.drop_timers, [tenant for tenant, _ in dropped], [name for _, name in dropped])
        await self._store.keep(self._store.q.keep_timers, [_row(timer) for timer in kept])
        self.soonest = min((timer.due_at for timer in kept if not timer.set_aside), default=None)

    def _timer_of(self, item: Item) -> Timer | None:
        """The timer whose present occurrence this command is; None when it is none, whatever it claims."""
        number = self._numbers[id(item)]
        if number <= self._upto:  # decisions are made anew
            self._upto, self._changed = 0, {}
        for before in self._items[self._upto : number]:
            if not before.seen and not before.again and not before.envelope.dry_run:
                self._note(before, self._changed)
        self._upto = number
        return self._matching(item, self._changed)

    def _matching(self, item: Item, changes: dict[Key, Timer | None]) -> Timer | None:
        key = _claimed(item.envelope)
        timer = changes.get(key, self._stored.get(key)) if key else None
        return timer if timer is not None and timer.is_command(self._domain.name, item.envelope.id) else None

    def _note(self, item: Item, changes: dict[Key, Timer | None]) -> None:
        """Add what a decided item makes of timers: of its own first, then what its events say, in their order."""
        if item.envelope.timer and item.outcome is not None:
            if item.outcome.state == "quarantined":  # driving it again goes on with its timer
                if (waits := self._matching(item, changes)) is not None:
                    changes[waits.key] = msgspec.structs.replace(waits, set_aside=f"its command {item.envelope.id} is in quarantine")
            elif (fired := self._fired.get(item.envelope.id)) is not None:
                changes[fired.key] = fired.next(self._now)
        for envelope, event, _, _ in item.events:
            for make in self._domain.timers.get(type(event), ()):
                for change in make(event, envelope):
                    changes[envelope.tenant, change.name] = changed(change, envelope)


def changed(change: SetTimer | SetRecurring | DropTimer, envelope: Envelope) -> Timer | None:
    """What an event makes of a timer; nothing for one that is dropped, or whose rule has no occurrence any more."""
    if isinstance(change, DropTimer):
        return None
    repeated = None
    if isinstance(change, SetTimer):
        due: datetime | None = change.due_at
    else:
        repeated = recurrence(change.rule, change.zone, change.missed, begins=change.begins, now=envelope.time)
        due = repeated.first() if change.begins is not None else repeated.after(envelope.time)
    if due is None:
        return None
    return Timer(
        tenant_id=envelope.tenant,
        name=change.name,
        set_by=envelope.id,
        type=type_of(change.command).full_name,
        body=change.command,
        due_at=due,
        recurrence=repeated,
    )


def _claimed(envelope: Envelope) -> Key | None:
    """The timer whose command this claims to be."""
    _, _, name = envelope.timer.partition(" ")
    return (envelope.tenant, name) if envelope.timer else None


def _row(timer: Timer) -> dict[str, Any]:
    """The columns of keep_timers."""
    values = msgspec.structs.asdict(timer)
    return values | {"body": msgspec.Raw(timer.body.encode()) if isinstance(timer.body, str) else timer.body}
