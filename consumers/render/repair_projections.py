"""What the events of repairs write."""

from collections.abc import Iterable
from typing import Any

from consumers.render.repair_rows import REPAIRS, FrameRepair
from consumers.render.rows import EXPORTS, JOBS, SEGMENTS
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from consumers.runtime.table import Row, Table
from contracts.envelope import Envelope
from contracts.repair import ExportReplaced, JobSetBack, RepairAssembling, RepairDrawn, RepairEnded, RepairRequested

Rows = Iterable[tuple[Table[Any], Row]]


def requested(event: RepairRequested, envelope: Envelope, view: View) -> Rows:
    """The repair; its segments wait, as if they had never failed on a node. What they point to stays until they are verified anew."""
    names = ("repair_id", "job_id", "cause", "reason", "frames", "before", "redrawing")
    yield REPAIRS, fresh(REPAIRS, envelope, {name: getattr(event, name) for name in names})
    for row in view.many(SEGMENTS, [(one.key,) for one in event.before]):
        assert row is not None, "only a job's segments are repaired"
        again = {"state": "ready", "part_id": None, "node_id": None, "attempts": 0, "avoid": ()}
        yield SEGMENTS, moved(row, envelope, **again, repair_id=event.repair_id)


def job_set_back(event: JobSetBack, envelope: Envelope, view: View) -> Rows:
    """The job has fewer segments; one that was being joined draws again."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "only a job under way is set back"
    state = "rendering" if job.state == "assembling" else job.state
    yield JOBS, moved(job, envelope, state=state, segments_done=event.segments_done, frames_done=event.frames_done)


def drawn(event: RepairDrawn, envelope: Envelope, view: View) -> Rows:
    """The export is looked at."""
    yield REPAIRS, moved(_repair(event.repair_id, view), envelope, state="checking", after=event.after, identical=True)


def assembling(event: RepairAssembling, envelope: Envelope, view: View) -> Rows:
    """The export is joined anew."""
    repair = _repair(event.repair_id, view)
    yield REPAIRS, moved(repair, envelope, state="assembling", after=event.after, identical=event.identical, failures=event.failures)


def export_replaced(event: ExportReplaced, envelope: Envelope, view: View) -> Rows:
    """Where a completed job's video lies."""
    export = view.get(EXPORTS, event.job_id)
    assert export is not None, "only an export is replaced"
    names = ("object_key", "sha256", "bytes", "frames", "duration", "packets_sha256", "degraded")
    yield EXPORTS, moved(export, envelope, **{name: getattr(event, name) for name in names})


def ended(event: RepairEnded, envelope: Envelope, view: View) -> Rows:
    """The repair is over; segments that were not drawn stand for their old bytes again, or wait until somebody needs them."""
    repair = _repair(event.repair_id, view)
    values = {"after": event.after or repair.after, "identical": event.identical, "code": event.code, "detail": event.detail}
    yield REPAIRS, moved(repair, envelope, state=event.state, is_open=False, **values)
    restored = set(event.restored)
    for row in view.many(SEGMENTS, [(one.key,) for one in repair.before]):
        if row is None or row.repair_id != event.repair_id:
            continue
        state = {"state": "done"} if row.segment_key in restored else {}
        yield SEGMENTS, moved(row, envelope, repair_id=None, **state)
    if event.heir is not None:
        yield REPAIRS, moved(_repair(event.heir, view), envelope, rejoin=True)


def _repair(repair_id: Any, view: View) -> FrameRepair:
    repair = view.get(REPAIRS, repair_id)
    assert repair is not None, "a repair is requested before anything else happens to it"
    return repair
