"""What people do about effects: commands that their domain decides, an event of each, and the effect's row in the same transaction."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from consumers.runtime.projection import Write, moved
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.effects import STEER, STEERED, EffectAct, EffectAnswer, EffectEnd, EffectState, EffectSteered, Lane, SteerEffect
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import Command, Event

if TYPE_CHECKING:
    from consumers.runtime.domain import Context, Decide, Decision

SKEW = timedelta(minutes=1)  # a due moment is compared with the database's clock, which may be behind this process's


class EffectRow(Row, frozen=True, kw_only=True):
    """What a decider sees of an effect."""

    id: UUID
    kind: str
    lane: Lane
    state: EffectState
    ended: EffectEnd
    owing: bool
    attempts: int
    asks: int
    claim: UUID | None
    due_at: datetime
    unknown_at: datetime | None
    paused: bool
    last_error: str


class Next(msgspec.Struct, frozen=True):
    """What an act changes."""

    state: EffectState
    values: dict[str, Any] = {}


TABLES: dict[str, Table[EffectRow]] = {
    # Locked when they are loaded, as the domain's runner writes them too.
    domain: Table(f"{domain}.effects", EffectRow, ("id",), locked=True)
    for domain in STEER
}
TABLE_OF = {event: TABLES[domain] for domain, event in STEERED.items()}


def decides(domain: str) -> "dict[type[Command], Decide]":
    """Who decides a person's act on an effect of this domain."""
    return {STEER[domain]: steer}


def writes(domain: str) -> dict[type[Event], Write]:
    """What that writes."""
    return {STEERED[domain]: steered}


def steer(cmd: SteerEffect, view: View, ctx: "Context") -> "Decision[EffectAnswer]":
    """A person acts on an effect; what does not fit its state is refused, with what does."""
    from consumers.runtime.domain import Answer, refuse

    row = view.get(TABLES[ctx.domain], cmd.effect_id)
    if row is None:
        there = f"{ctx.domain} has no effect {cmd.effect_id}; it may be done: `flatrender effects list` shows what is left"
        return refuse("effect.not_found", there, "effect_id")
    if row.owing:
        return refuse("effect.state", "what became of it is being told to its domain just now; try again in a moment", "effect_id")
    if wrong := _why_not(cmd.act, row):
        return refuse("effect.state", wrong, "act")
    state = _next(cmd.act, row, ctx.now).state
    told = EffectAnswer(effect_id=row.id, kind=row.kind, was=row.state, state=state)
    return Answer([STEERED[ctx.domain](act=cmd.act, reason=cmd.reason, **msgspec.structs.asdict(told))], told)  # type: ignore[call-arg]


def steered(event: EffectSteered, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The effect's row, where it is still there: a replay has none."""
    table = TABLE_OF[type(event)]
    row = view.get(table, event.effect_id)
    if row is not None:
        found = _next(event.act, row, envelope.time - SKEW)
        yield table, moved(row, envelope, state=found.state, **found.values)


def _why_not(act: EffectAct, row: EffectRow) -> str:
    """Why an act does not fit, and what to do instead; empty where it fits."""
    running = row.state == "due" and row.claim is not None
    if act in ("pause", "resume", "cancel"):
        if row.lane != "chunks" or row.state != "due":
            return f"only long work that has not ended can be paused, resumed or cancelled; this is {row.lane}, {row.state}"
        if act != "cancel" and row.paused == (act == "pause"):
            return "it is paused already" if row.paused else "it is not paused"
        return ""
    if act in ("settle_done", "settle_not_done"):
        return "" if row.state == "unknown" else f"only what is unknown can be settled; this is {row.state}"
    if row.state in ("handing", "done") or (running and row.lane != "chunks"):
        return "it is being carried out just now; try again in a moment"
    if act == "retry":
        settle = "what became of it is unknown, and it might be done twice; find out, then settle it as done or as not done"
        return settle if row.state == "unknown" else ""
    return ""


def _next(act: EffectAct, row: EffectRow, now: datetime) -> Next:
    """The row's next state; what ends is reported by the runner."""
    again = {"due_at": now, "claim": None, "last_error": row.last_error}
    match act:
        case "pause" | "resume":
            return Next(row.state, {"paused": act == "pause"})
        case "settle_done":
            return Next("done", again | {"ended": "done", "owing": True})
        case "give_up" | "cancel":
            return Next("done", again | {"ended": "given_up", "owing": True})
        case _:
            return Next("due", again | {"ended": "", "attempts": 0, "asks": 0, "unknown_at": None})
