"""What of a render was drawn again."""

from uuid import UUID

from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.render.repairs import FrameRange, RepairCause, RepairState, RequestRepair, SegmentState


class RepairRow(Versioned, frozen=True, kw_only=True):
    """Segments that were drawn once more: what each was `before` and is `after`; `identical` if every byte came out the same."""

    repair_id: UUID
    job_id: UUID
    state: RepairState
    cause: RepairCause
    reason: str
    frames: tuple[FrameRange, ...]
    before: tuple[SegmentState, ...]
    after: tuple[SegmentState, ...]
    identical: bool
    code: str
    detail: str


COMMANDS = [
    CommandRoute("POST", "/v1/renders/{job_id}/repair", RequestRepair, "render:write", "Have frames of a render drawn again"),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/repairs",
        "repairs_of_render",
        "render:read",
        "List what of a render was drawn again",
        RepairRow,
        keyset=("created_at", "repair_id"),
    ),
]
