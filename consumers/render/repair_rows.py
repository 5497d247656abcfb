"""The event table of repairs (migration 22)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.repair import FrameRange, Redrawing, RepairCause, RepairState, SegmentState


class FrameRepair(Row, frozen=True, kw_only=True):
    """Segments that are drawn once more, with what they were before and are after."""

    repair_id: UUID
    job_id: UUID
    state: RepairState = "drawing"
    is_open: bool = True
    cause: RepairCause
    reason: str
    frames: tuple[FrameRange, ...]
    before: tuple[SegmentState, ...]
    after: tuple[SegmentState, ...] = ()
    identical: bool = False
    rejoin: bool = False  # the export must be joined anew, whatever it is
    redrawing: Redrawing | None = None
    failures: int = 0  # of the job's assemblies before this repair joined the export
    code: str = ""
    detail: str = ""


REPAIRS = Table("render.frame_repair_jobs", FrameRepair, ("repair_id",), (("job_id", "is_open"),))
