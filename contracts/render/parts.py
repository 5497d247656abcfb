"""Parts: pieces of work that a node is given under a lease."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.visibility import Public

PartKind = Literal["render", "inspect", "snapshot", "assemble"]
PartEnd = Literal["done", "failed", "expired", "cancelled"]
PartState = Literal["active", "done", "failed", "expired", "cancelled"]
DEADLINES = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""What every clock and database can hold in any time zone. One that has passed is allowed: what is late goes first."""


def deadline_fault(deadline: datetime | None) -> str:
    """What is wrong with a deadline, with its bounds; nothing when it can be."""
    if deadline is None:
        return ""
    first, last = DEADLINES
    return "" if first <= deadline <= last else f"deadline must be from {first:%Y-%m-%d} to {last:%Y-%m-%d}, not {deadline.isoformat()}"


class Part(Row, frozen=True, kw_only=True):
    """A run of work under one lease."""

    part_id: Public[UUID]
    kind: Public[PartKind]
    subject_id: Public[UUID]
    node_id: Public[UUID]
    node_epoch: int
    epoch: Public[int]
    first: Public[int]
    count: Public[int]
    keys: tuple[str, ...]
    places: tuple[int, ...] = ()  # of each key in the job
    state: Public[PartState] = "active"
    detail: Public[str] = ""


PARTS = Entity(
    "render.render_parts",
    Part,
    key=("part_id",),
    about="leases: which node was given what under which epoch, and how it ended",
    indexes=(("subject_id", "state"),),
    newest=False,
)


@message("render.part.assign")
class AssignPart(Command, frozen=True, kw_only=True):
    """The scheduler's choice: this work to this node's free slot."""

    kind: PartKind
    subject_id: UUID  # the job, or the inspected file
    node_id: UUID
    node_epoch: int  # the registration that offered the slot
    first: int = 0  # position of the first segment in the job
    count: int = 0
    keys: tuple[str, ...] = ()  # of the segments; without them they are looked up
    places: tuple[int, ...] = ()  # and where in the job each stands


@message("render.part.assigned")
class PartAssigned(Event, frozen=True, kw_only=True):
    """A node holds the lease of a part."""

    part_id: UUID
    kind: Public[PartKind]
    subject_id: UUID
    node_id: Public[UUID]
    node_epoch: int
    epoch: Public[int]
    first: Public[int]
    count: Public[int]
    keys: tuple[str, ...]  # the segments' content keys
    places: tuple[int, ...] = ()  # and where in the job each stands


@message("render.part.ended")
class PartEnded(Event, frozen=True, kw_only=True):
    """A lease is over; reports under it are refused from now on."""

    part_id: UUID
    kind: Public[PartKind]
    subject_id: UUID
    node_id: UUID
    end: Public[PartEnd]
    detail: Public[str] = ""
    returned: Public[tuple[str, ...]] = ()  # keys of segments that wait again
    retry_after: Public[float] = 0.0  # seconds until the work is given out again: a failure's backoff
    avoid: bool = False  # what waits again goes to another node first


@message("render.part.expire")
class ExpirePart(Command, frozen=True, kw_only=True):
    """The node no longer works on this part."""

    part_id: UUID
    reason: str
