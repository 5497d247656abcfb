"""The event table of repairs (migration 22)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.render.repairs import FrameRange, Redrawing, RepairCause, RepairState, SegmentState
from contracts.visibility import Public


class FrameRepair(Row, frozen=True, kw_only=True):
    """Segments that are drawn once more, with what they were before and are after."""

    repair_id: Public[UUID]
    job_id: Public[UUID]
    state: Public[RepairState] = "drawing"
    is_open: bool = True
    cause: Public[RepairCause]
    reason: Public[str]
    frames: Public[tuple[FrameRange, ...]]
    before: Public[tuple[SegmentState, ...]]
    after: Public[tuple[SegmentState, ...]] = ()
    identical: Public[bool] = False
    rejoin: bool = False  # the export must be joined anew, whatever it is
    redrawing: Redrawing | None = None
    failures: int = 0  # of the job's assemblies before this repair joined the export
    code: Public[str] = ""
    detail: Public[str] = ""


REPAIRS = Table("render.frame_repair_jobs", FrameRepair, ("repair_id",), (("job_id", "is_open"),))
