"""What may exist once among all tenants."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message

ReservationState = Literal["held", "free"]
Mark = Annotated[str, Meta(min_length=1, max_length=200)]


class ReservationAnswer(Struct, frozen=True, kw_only=True):
    """Who has it now."""

    kind: str
    mark: str
    holder: UUID


class Reservation(Row, frozen=True, kw_only=True):
    """What one tenant has and no other can; under the platform tenant."""

    kind: str
    mark: str
    holder: UUID
    state: ReservationState


RESERVATIONS = Entity(
    "identity.reservations",
    Reservation,
    key=("kind", "mark"),
    about="what is unique across tenants, each under the platform with the tenant that has it",
    view=None,
    newest=False,
)


@message("identity.reservation.reserve")
class Reserve(Command[ReservationAnswer], frozen=True, kw_only=True):
    """Have something that may exist once among all tenants; addressed to the platform tenant, which alone decides who has it."""

    kind: Mark  # of what: "address", "domain"
    mark: Mark  # which one; of what is personal a keyed hash
    holder: UUID  # the tenant that shall have it


@message("identity.reservation.reserved")
class Reserved(Event, frozen=True, kw_only=True):
    """A tenant has it from now on, and no other can."""

    kind: str
    mark: str
    holder: UUID


@message("identity.reservation.release")
class Release(Command, frozen=True, kw_only=True):
    """Let go of what a tenant has; addressed to the platform tenant."""

    kind: str
    mark: str
    holder: UUID


@message("identity.reservation.released")
class Released(Event, frozen=True, kw_only=True):
    """Nobody has it: another tenant may."""

    kind: str
    mark: str
    holder: UUID
