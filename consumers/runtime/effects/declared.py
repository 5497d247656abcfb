"""What a domain declares of its effects: a kind's payload, what it is by nature, its lane, times, tries, destination and ends."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Protocol
from uuid import UUID

import asyncpg
import msgspec

from contracts.effects import EffectEnd, Lane
from contracts.envelope import Envelope
from contracts.message import Command

NEVER = 0.0  # hours after which an unknown effect ends by itself: a person must
AT_ONCE = 1  # of a kind that cannot be asked: so many may be in doubt after a kill; one that must be faster says how many


class EffectFailed(Exception):
    """The effect cannot succeed, however often it is tried; `commands` say so to the domain."""

    def __init__(self, detail: str, commands: Iterable[Command] = ()) -> None:
        super().__init__(detail)
        self.commands = list(commands)


class NotSent(Exception):
    """The other side has certainly done nothing, and never will for this try: it is tried again, and the try counts."""


class TryLater(Exception):
    """The other side asks for so many seconds of peace, and has done nothing: its destination rests, and no try is counted."""

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class TooLate(Exception):
    """Too long has passed since the effect was marked as being handed over: nothing may be sent any more."""


class Call(Protocol):
    """One try of one effect, as its function sees it."""

    @property
    def key(self) -> UUID:
        """The idempotency key: the same for every try of this effect, for ever."""

    @property
    def envelope(self) -> Envelope:
        """The envelope of the event that it was made of."""

    @property
    def attempt(self) -> int:
        """Which try this is, from 1 on."""

    @property
    def left(self) -> float:
        """Seconds in which `begin` still lets through; infinite for a kind that is repeatable."""

    def begin(self) -> None:
        """Must be called just before the first byte is sent, without a pause between. Raises TooLate: then nothing may be sent."""


class Done(msgspec.Struct, frozen=True):
    """The other side has done it; `commands` report it as `run` would have."""

    commands: Sequence[Command] = ()


Told = Done | Literal["not done", "not known yet"]
"""What the other side says became of an effect. `not done` also means: and it never will of what was sent."""
Run = Callable[[Any, Call, Any], Awaitable[Iterable[Command]]]  # the effect, the try, the domain's tools
Ask = Callable[[Any, Call, Any], Awaitable[Told]]


class Repeatable(msgspec.Struct, frozen=True):
    """Doing it twice is as good as once: tried again after whatever."""


class Asking(msgspec.Struct, frozen=True):
    """Must be done once, and the other side tells what became of a key: asked, never sent again by itself."""

    ask: Ask


class Neither(msgspec.Struct, frozen=True):
    """Must not be done twice, and nobody can be asked: a person settles what is unknown, or it counts as this after so many hours."""

    hours: float = NEVER
    counts_as: Literal["sent", "given up"] = "sent"


class Step(msgspec.Struct, frozen=True):
    """A chunk is done: where the next begins, what reports this one, and whether it was the last."""

    cursor: Any
    commands: Sequence[Command] = ()
    last: bool = False


class Chunked(msgspec.Struct, frozen=True):
    """Long work, chunk by chunk. `step` does one over the connection, whose transaction then keeps the cursor too, so that both or none
    is; it takes some seconds at most. `cursor` is the cursor's type, `start` makes the first one."""

    step: Callable[[Any, Any, asyncpg.Connection, Call, Any], Awaitable[Step]]  # effect, cursor, connection, try, tools
    cursor: Any
    start: Callable[[Any], Any]


Nature = Repeatable | Asking | Neither | Chunked
REPEATABLE = Repeatable()


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an effect goes to, within its tenant, with the rate that it bears and when it is left in peace."""

    of: Callable[[Any], str]
    per_second: float = 0.0  # 0: as many as come
    burst: int = 1  # how many may go at once after a rest
    failures: int = 5  # in a row, after which nothing is sent but one probe each `rest` seconds
    rest: float = 10.0  # doubled with each probe that fails, up to MOST_REST

    @property
    def pace(self) -> float:
        """Seconds between two."""
        return 1.0 / self.per_second if self.per_second else 0.0


class Backoff(msgspec.Struct, frozen=True):
    """Seconds between tries: `first`, then twice as long each time, at most `longest`."""

    first: float = 1.0
    longest: float = 300.0

    def after(self, tries: int) -> float:
        """Seconds after so many tries."""
        return min(self.longest, self.first * 2.0 ** min(max(tries - 1, 0), 30))


class Together(msgspec.Struct, frozen=True):
    """Effects of one kind that are carried out several at once, and of which no rows are kept.

    `run` gets the payloads as they were made, with their events' envelopes, and the domain's tools; it does or fails all as one.
    `left` finds in the domain's tables what a process that died may not have done, rather too much than too little.
    """

    run: Callable[[Sequence[tuple[Any, Envelope]], Any], Awaitable[None]]
    left: Callable[[asyncpg.Connection], Awaitable[Sequence[tuple[Any, Envelope]]]]


Report = Callable[[Any, Envelope, str], Iterable[Command]]  # the effect, its event's envelope, why


def tells_nobody(effect: Any, envelope: Envelope, why: str) -> Iterable[Command]:
    """The row is all that tells of it."""
    return ()


def no_run(effect: Any, call: Call, tools: Any) -> Awaitable[Iterable[Command]]:
    """Of kinds that are run otherwise: together, or by chunks."""
    raise NotImplementedError("this kind is not run by itself")


class EffectKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of effect. Its payload's type tells the kind of what a maker returns; its fields only grow, as rows outlive a release."""

    name: str
    payload: type[msgspec.Struct]
    run: Run = no_run
    nature: Nature = REPEATABLE
    together: Together | None = None
    lane: Lane = "prompt"
    timeout: float = 30.0  # seconds of a try
    tries: int = 40  # with the backoff below some two and a half hours; 0: for ever
    backoff: Backoff = Backoff()
    at_once: int = 0  # in the world at the same time; 0: as many as the lane has slots, of what is `Neither` AT_ONCE
    destination: Destination | None = None
    exhausted: Report = tells_nobody  # the tries are used up, or it was given up
    settled: Report = tells_nobody  # it counts as done, and there is no answer: a person or the rule said so
    ended: Callable[[Any, Envelope, EffectEnd, str], Iterable[Command]] | None = None  # of money: told of every end besides
    answers: bool = False  # each end of it is reported by a command at least: so the standing check can miss one that is lost

    @property
    def repeatable(self) -> bool:
        """Whether it is simply done again after a crash."""
        return isinstance(self.nature, Repeatable | Chunked)

    @property
    def most(self) -> int:
        """How many may be in the world at the same time; 0: no bound but the lane's."""
        return self.at_once or (AT_ONCE if isinstance(self.nature, Neither) else 0)


Maker = Callable[[Any, Envelope], Iterable[msgspec.Struct]]
"""From an event to what is to be done because of it: payloads of declared kinds."""
