"""From a batch's events to the rows of its effects, in its transaction; and what wakes the runner afterwards."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from consumers.runtime.effects.declared import Chunked, EffectKind, Maker
from consumers.runtime.store import Columns, columns, to_json
from consumers.runtime.table import JSON
from contracts.effects import STEERED, Lane
from contracts.envelope import Envelope
from contracts.ids import derived_id, following_id
from contracts.message import Event, encode

if TYPE_CHECKING:
    from consumers.runtime.domain import Domain

# PostgreSQL's types of what keep_effects takes as columns.
EFFECT = ("uuid", "uuid", "text", JSON, JSON, "text", "boolean", "text", "float8", "bigint", JSON)


class Grouped(msgspec.Struct, frozen=True):
    """An effect of which no row is kept, with the very object that its maker gave."""

    kind: EffectKind
    payload: Any
    envelope: Envelope


class Made(msgspec.Struct):
    """What a batch leaves to be done: rows, the lanes that they are in, what is done together; `steered`: a person has acted on a row."""

    rows: Columns = []
    lanes: set[Lane] = set()
    grouped: list[Grouped] = []
    steered: bool = False

    def __bool__(self) -> bool:
        return bool(self.lanes or self.grouped or self.steered)


def effects_of(
    domain: "Domain", makers: Iterable[Maker], event: Event, envelope: Envelope, *, former: bool = False
) -> Iterable[tuple[EffectKind, msgspec.Struct, UUID]]:
    """What an event's makers make, each with its kind and its id, or the `former` one: that of the release before."""
    numbers: dict[str, int] = {}
    for effect in (effect for maker in makers for effect in maker(event, envelope)):
        kind = domain.kinds[type(effect)]
        number = numbers[kind.name] = numbers.get(kind.name, 0) + 1
        yield kind, effect, (former_effect_id if former else effect_id)(envelope.id, kind.name, number)


def effect_rows(domain: "Domain", happened: Iterable[tuple[Envelope, Event, str, int]]) -> Made:
    """All effects of a batch's events. Each has an id that every retry derives again: of its event, its kind and its number in that."""
    made, rows = Made(), []
    for envelope, event, _, _ in happened:
        if (makers := domain.makes.get(type(event))) is None:
            made.steered = made.steered or type(event) is STEERED[domain.name]
            continue
        for kind, effect, identity in effects_of(domain, makers, event, envelope):
            if kind.together is not None:
                made.grouped.append(Grouped(kind, effect, envelope))
                continue
            rows.append(kept_row(kind, effect, envelope, identity))
            made.lanes.add(kind.lane)
    made.rows = columns(rows, EFFECT)
    return made


def effect_id(event: UUID, kind: str, number: int = 1) -> UUID:
    """The id of an event's effect of a kind, of which it may have several; in the order of events, as are those of its reports."""
    return following_id(event, f"effect {kind} {'' if number == 1 else number}")


def former_effect_id(event: UUID, kind: str, number: int = 1) -> UUID:
    """The id that the release before gave it."""
    return derived_id(event, f"effect {kind} {'' if number == 1 else number}")


def kept_row(kind: EffectKind, effect: msgspec.Struct, envelope: Envelope, identity: UUID) -> tuple[Any, ...]:
    """The columns of keep_effects."""
    to, start = kind.destination, None
    if isinstance(kind.nature, Chunked):
        start = to_json(kind.nature.start(effect))
    place = (to.of(effect), to.pace, to.burst) if to is not None else ("", 0.0, 1)
    payload = encode(effect).decode()
    return envelope.tenant, identity, kind.name, payload, to_json(envelope), kind.lane, kind.repeatable, *place, start
