"""Effects as people see them: states and lanes, and for every domain the command by which a person acts on one, and the event of it."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from msgspec import Meta, Struct

from contracts.audit import of_every_domain
from contracts.message import Command, Event

EffectState = Literal["due", "handing", "done", "unknown", "exhausted"]
EffectEnd = Literal["", "done", "exhausted", "given_up", "unknown"]
"""How it ended; empty while it is open. `unknown` is the end that a domain of money hears of until the true one is known."""
EffectAct = Literal["retry", "settle_done", "settle_not_done", "give_up", "pause", "resume", "cancel"]
Lane = Literal["prompt", "bulk", "chunks"]
"""What a person waits for; what nobody waits for; long work, chunk by chunk. Each has slots of its own."""
ENDS: tuple[EffectEnd, ...] = tuple(end for end in get_args(EffectEnd) if end)
STATES: tuple[EffectState, ...] = get_args(EffectState)


class EffectAnswer(Struct, frozen=True, kw_only=True):
    """What an act made of an effect; `was` and `state` are its states before and after."""

    effect_id: UUID
    kind: str
    was: EffectState
    state: EffectState


class SteerEffect(Command[EffectAnswer], frozen=True, kw_only=True):
    """A person's act on an effect: another try, what became of it, its end, or a pause of long work."""

    effect_id: UUID
    act: EffectAct
    reason: Annotated[str, Meta(max_length=400)] = ""


class EffectSteered(Event, frozen=True, kw_only=True):
    """A person has acted on an effect; `was` and `state` are its states before and after."""

    effect_id: UUID
    kind: str
    act: EffectAct
    reason: str
    was: EffectState
    state: EffectState


STEER: dict[str, type[Command]] = of_every_domain(SteerEffect, "effect.steer")
STEERED: dict[str, type[Event]] = of_every_domain(EffectSteered, "effect.steered")
