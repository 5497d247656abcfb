"""What a domain declares: its tables, who decides each command, what it reacts to, what each event writes, which effects run."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Generic
from uuid import UUID

import msgspec
from typing_extensions import TypeVar

from consumers.runtime.effects.declared import EffectKind, Maker
from consumers.runtime.private import PrivateChange, PrivateTable
from consumers.runtime.projection import Write
from consumers.runtime.reactions import Hearer
from consumers.runtime.recurrence import Missed
from consumers.runtime.retention_rules import Rule
from consumers.runtime.services import Service
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.runtime.tools import Compose, plain
from contracts.bounds import broken
from contracts.entity import Entity
from contracts.envelope import Envelope
from contracts.ids import moment_id
from contracts.message import PLATFORM, Command, Event, type_of
from contracts.outcome import Problem
from contracts.personal import is_personal


class Context(msgspec.Struct, frozen=True):
    """What a decider may know besides its state: no clock, no randomness of its own.

    `moment` is that of the decision, which stands in the command's inbox row; of a command that the scheduler foresees, the command's own.
    """

    now: datetime
    envelope: Envelope
    domain: str
    moment: datetime
    minted: set[UUID] = set()  # the ids that were made: nothing can have them yet

    @classmethod
    def of(cls, domain: str, envelope: Envelope, now: datetime, *, foreseen: bool = False, minted: set[UUID] | None = None) -> "Context":
        """What is decided now; or, `foreseen`, what one who knows the command alone can derive the same ids of."""
        return cls(now, envelope, domain, envelope.time if foreseen else now, set() if minted is None else minted)

    @property
    def tenant(self) -> UUID:
        return self.envelope.tenant

    def id(self, name: str) -> UUID:
        """An id for a new row or event: of this decision alone, whoever chose the command's id."""
        made = moment_id(self.moment, self.envelope.tenant, self.envelope.id, self.domain, name)
        self.minted.add(made)
        return made


class Refusal(msgspec.Struct, frozen=True):
    """The command is not carried out; nothing changes."""

    problem: Problem
    retry_for: float = 0.0  # seconds in which it is tried again first: for what another domain may be about to tell


class ForPlatform(msgspec.Struct, frozen=True):
    """An event of the platform tenant, caused by a tenant's command (a node's crash)."""

    event: Event


B = TypeVar("B", default=None)


class Answer(msgspec.Struct, Generic[B], frozen=True):
    """What happened, and the body that the caller gets: of the type that the command names, as in `Command[JobAnswer]`."""

    events: Sequence[Event | ForPlatform]
    body: B
    private: Sequence[PrivateChange] = ()  # what becomes of rows outside the log


EXISTS = Problem(code="command.exists", detail="what this would make is there already")
MOST_ERRORS = 50  # field errors that one refusal lists
LONGEST_TEXT = 400  # characters of a refusal's detail or field

Decision = Answer[B] | Refusal | Sequence[Event | ForPlatform]
"""`Decision[JobAnswer]` of a command that answers; a bare one has no body."""
Decide = Callable[[Any, View, Context], Decision[Any]]


def not_unique(entity: Entity[Any], columns: tuple[str, ...]) -> Problem:
    """What is wrong with a second living row of what there is one of."""
    words = entity.thing.replace("_", " ")
    return Problem(code=f"{entity.thing}.exists", detail=f"there is a {words} of this {' and '.join(columns)} already", field=columns[-1])


def refuse(code: str, detail: str, field: str = "", *, retry_for: float = 0.0, errors: tuple[dict[str, str], ...] = ()) -> Refusal:
    """A refusal with its problem, whose texts are cut where a caller's own words made them long: a refusal is a message too."""
    listed = tuple({name: clipped(text) for name, text in error.items()} for error in errors[:MOST_ERRORS])
    return Refusal(Problem(code=code, detail=clipped(detail), field=clipped(field), errors=listed), retry_for)


def out_of_bounds(cmd: Command, code: str) -> Refusal | None:
    """The refusal of a command that breaks the bounds of its own fields: of one that a domain makes, and that so was never read."""
    return next((refuse(code, f"{field} {wrong}", field) for field, wrong in broken(cmd)), None)


def clipped(text: str) -> str:
    """The text, or its two ends when it is longer than 400 characters."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:300]} … {text[-90:]}"


_TIMER = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?")


def _check(name: str, command: Command) -> None:
    """A timer's name travels in a header; its command lies in a row until it is due. Raises ValueError."""
    if not _TIMER.fullmatch(name):
        raise ValueError(f"a timer's name is 1 to 200 printable ASCII characters, no spaces around them, not {name[:100]!r}")
    if is_personal(type_of(command).full_name):
        raise ValueError(f"{type(command).__name__} holds what is personal, which does not wait in a timer: let it name the private row")


class SetTimer(msgspec.Struct, frozen=True):
    """A command that becomes due once. A timer of the same name and tenant is replaced: so it is moved."""

    name: str  # unique within the domain and the tenant, e.g. "upload <id> gives up"; printable ASCII
    due_at: datetime
    command: Command

    def __post_init__(self) -> None:
        _check(self.name, self.command)


class SetRecurring(msgspec.Struct, frozen=True):
    """A command that becomes due again and again (`consumers.runtime.recurrence`); a decider has checked what a person gives for a rule."""

    name: str
    rule: str  # RFC 5545, e.g. FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=3
    zone: str  # IANA, e.g. Asia/Tehran
    missed: Missed
    command: Command
    begins: datetime | None = None  # from when on, itself included; None: after the event

    def __post_init__(self) -> None:
        _check(self.name, self.command)


class DropTimer(msgspec.Struct, frozen=True):
    """A timer that is no more, if it was there."""

    name: str


TimerChange = SetTimer | SetRecurring | DropTimer
MakeTimers = Callable[[Any, Envelope], Iterable[TimerChange]]


class Domain(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A domain's table of contents."""

    name: str
    tables: tuple[Table[Any], ...]
    decides: dict[type[Command], Decide]
    writes: dict[type[Event], Write]
    reacts: tuple[Hearer, ...] = ()
    makes: dict[type[Event], tuple[Maker, ...]] = {}  # which effects an event has
    effects: tuple[EffectKind, ...] = ()
    tools: Compose = plain  # how what its effects use is made, and closed when the process ends
    services: tuple[Service, ...] = ()  # what runs beside its runtime
    timers: dict[type[Event], tuple[MakeTimers, ...]] = {}
    private: tuple[PrivateTable[Any], ...] = ()  # its tables outside the log
    retains: tuple[Rule, ...] = ()  # its tables that grow beside the event tables and the runtime's own
    constraints: dict[str, Problem] = {}  # what a command is refused for that one of these refuses: the last resort, deciders look first
    costs: dict[type[Command], Callable[[Any], int]] = {}  # commands that are as much work as many others, and how many

    @cached_property
    def kinds(self) -> dict[type[msgspec.Struct], EffectKind]:
        """The kinds of its effects by the type of their payload."""
        return {kind.payload: kind for kind in self.effects}

    def refusal_of(self, error: Exception) -> Problem | None:
        """What a command is told of a constraint that its rows break; None where that is no refusal."""
        name = getattr(error, "constraint_name", None) or ""
        keys = {f"{table.name.partition('.')[2]}_pkey" for table in (*self.tables, *self.private)}
        return EXISTS if name in keys else self.constraints.get(name) or self._unique.get(name)

    @cached_property
    def _unique(self) -> dict[str, Problem]:
        """What a command is told that has made a second living row of what there is one of: deciders ask `rules.taken` first."""
        entities = [table.entity for table in self.tables if table.entity is not None]
        return {one.constraint(columns): not_unique(one, columns) for one in entities for columns in one.unique}

    @property
    def written(self) -> set[tuple[str, str]]:
        """The columns of its tables that this release writes, each with its table's name."""
        return {(table.name, column) for table in (*self.tables, *self.private) for column in table.fields}

    def weight(self, command: Command | None) -> int:
        """How much of a batch a command fills."""
        cost_of = self.costs.get(type(command))  # type: ignore[arg-type]
        return cost_of(command) if cost_of else 1


def tenant_of(event: Event | ForPlatform, envelope: Envelope) -> tuple[Event, UUID]:
    """The event itself and the tenant it belongs to."""
    return (event.event, PLATFORM) if isinstance(event, ForPlatform) else (event, envelope.tenant)
