"""The lease: whose a part is, where what comes of it must lie, and how it ends."""

import re
from collections.abc import Iterable
from uuid import UUID

from consumers.render.leases.reporting_node import reporter
from consumers.runtime.domain import Context, Refusal, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.message import Event
from contracts.render import parts, segments
from contracts.render.parts import Part, PartEnd, PartEnded, PartKind

PARTS, SEGMENTS = Table.of(parts.PARTS), Table.of(segments.SEGMENTS)

SHA256 = re.compile("[0-9a-f]{64}")
LARGEST_OBJECT = 1 << 40  # bytes


def held(part_id: UUID, epoch: int, view: View, ctx: Context, kind: PartKind | None = None) -> Part | Refusal:
    """The part, if the reporting node still holds it under this epoch, and it is of the kind; else the refusal that the node can log."""
    part = view.get(PARTS, part_id)
    if part is None or reporter(ctx.envelope.actor) != part.node_id:
        return refuse("render.foreign_part", f"part {part_id} was never given to {ctx.envelope.actor}")
    if part.state != "active" or part.epoch != epoch:
        return refuse("render.stale_lease", f"part {part_id} is {part.state} under epoch {part.epoch}; the report came under epoch {epoch}")
    if kind is not None and part.kind != kind:
        return refuse("render.not_waiting", f"part {part_id} is of kind {part.kind}, the report is of kind {kind}")
    return part


def misplaced(object_key: str, place: str, sha256: str) -> Refusal | None:
    """The refusal of an object that is not where the lease puts it: a node must not pass off other people's objects as its own."""
    if object_key != place:
        return refuse("render.foreign_object", f"the object must lie at {place}, the report says {object_key}", "object_key")
    if not SHA256.fullmatch(sha256):
        return refuse("render.sha256", f"{sha256!r} is not a SHA-256 in hex", "sha256")
    return None


def ended_parts(subject: UUID, view: View, end: PartEnd, *, besides: UUID | None = None) -> Iterable[Event]:
    """End every active part of a job, but one that has ended otherwise."""
    return [ended(part, view, end) for part in view.where(PARTS, subject_id=subject, state="active") if part.part_id != besides]


def ended(part: Part, view: View, end: PartEnd, detail: str = "") -> PartEnded:
    """The end of a lease; segments under it that are not done wait again."""
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    returned = tuple(row.segment_key for row in rows if row is not None and row.state == "drawing" and row.part_id == part.part_id)
    return PartEnded(
        part_id=part.part_id, kind=part.kind, subject_id=part.subject_id, node_id=part.node_id, end=end, detail=detail, returned=returned
    )
