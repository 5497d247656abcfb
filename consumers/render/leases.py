"""The end of leases: what every reason to end one has in common."""

from collections.abc import Iterable
from uuid import UUID

from consumers.render.rows import PARTS, SEGMENTS, Part
from consumers.runtime.state import View
from contracts.message import Event
from contracts.render import PartEnd, PartEnded


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
