"""What a segment's loss and return mean for the jobs that need it and for its repair."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOBS, REPAIRS
from consumers.render.leases.kind import Failure
from consumers.render.leases.lease import PARTS, SEGMENTS, ended, ended_parts
from consumers.runtime.state import View
from contracts.message import Event
from contracts.render.jobs import ACTIVE, Job, JobAdvanced, JobAssembling
from contracts.render.repairs import (
    JobSetBack,
    Repair,
    RepairAssembling,
    RepairDrawn,
    RepairEnd,
    RepairEnded,
    SegmentState,
    WaitingSegment,
)
from contracts.render.segments import Advance, JobSegment, Segment, SegmentVerified

Users = list[tuple[Job, list[JobSegment]]]  # jobs under way with their places of some segments
Advances = list[tuple[Job, Advance]]


def advances(rows: Sequence[Segment], view: View, *, besides: UUID | None = None) -> Advances:
    """Segments are there: how far every job under way is that waits for them."""
    return [
        (job, Advance(job.job_id, job.segments_done + len(places), job.frames_done + sum(place.frames for place in places)))
        for job, places in _users(rows, view)
        if job.job_id != besides
    ]


def following(found: Advances, recorded: int = 0) -> list[Event]:
    """What follows for these jobs, of which the first so many are recorded in a SegmentVerified already."""
    events: list[Event] = []
    for number, (job, now) in enumerate(found):
        if number >= recorded or _percent(now.segments_done, job) > _percent(job.segments_done, job):
            events.append(JobAdvanced(job_id=job.job_id, segments_done=now.segments_done, frames_done=now.frames_done))
        if now.segments_done == job.segments_total:
            events.append(JobAssembling(job_id=job.job_id))
    return events


def _percent(done: int, job: Job) -> int:
    return 100 * done // job.segments_total


def set_back(rows: Sequence[Segment], view: View, *, besides: UUID | None = None) -> list[Event]:
    """Verified segments are to be drawn again: every job under way that has them lacks them; the part `besides` has ended already."""
    events: list[Event] = []
    for job, places in _users(rows, view):
        part = view.get(PARTS, job.assemble_part_id) if job.assemble_part_id else None
        if part is not None and part.state == "active" and part.part_id != besides:
            events.append(ended(part, view, "cancelled", "a segment is drawn again"))
        events.append(
            JobSetBack(
                job_id=job.job_id,
                segments_done=job.segments_done - len(places),
                frames_done=job.frames_done - sum(place.frames for place in places),
                waiting=tuple(WaitingSegment(place.idx, place.segment_key, place.frames) for place in places),
            )
        )
    return events


def _users(rows: Sequence[Segment], view: View) -> Users:
    view.need(*(view.group(JOB_SEGMENTS, segment_key=row.segment_key) for row in rows))
    places: dict[UUID, list[JobSegment]] = {}
    for row in rows:
        for place in view.where(JOB_SEGMENTS, segment_key=row.segment_key):
            places.setdefault(place.job_id, []).append(place)
    jobs = view.many(JOBS, [(job_id,) for job_id in places])
    return [(job, found) for job, found in zip(jobs, places.values(), strict=True) if job is not None and job.state in ACTIVE]


def open_repairs(job: Job, view: View) -> list[Repair]:
    """What an ended job is still worked on for."""
    return view.where(REPAIRS, job_id=job.job_id, is_open=True) if job.state == "completed" else []


def repairs_given_up(failure: Failure, job: Job, repairs: Sequence[UUID], view: View) -> list[Event]:
    """The end of those repairs of an ended job for which this was the last attempt, and of all that is still drawn for it."""
    if not repairs:
        return []
    return [
        *ended_parts(job.job_id, view, "cancelled", besides=failure.part.part_id),
        *given_up(job.job_id, view, "failed", failure.code, failure.detail, only=repairs),
    ]


def given_up(job_id: UUID, view: View, state: RepairEnd, code: str, detail: str, *, only: Iterable[UUID] | None = None) -> list[Event]:
    """End a job's open repairs whose parts have all ended; what only a person doubted keeps the bytes it had."""
    chosen = None if only is None else set(only)
    events: list[Event] = []
    restored: list[Segment] = []
    for repair in view.where(REPAIRS, job_id=job_id, is_open=True):
        if chosen is not None and repair.repair_id not in chosen:
            continue
        keeps = _restorable(repair, view) if repair.cause == "person" else []
        restored += keeps
        keys = tuple(row.segment_key for row in keeps)
        events.append(RepairEnded(repair_id=repair.repair_id, job_id=job_id, state=state, code=code, detail=detail[:400], restored=keys))
    return [*events, *following(advances(restored, view, besides=job_id))] if restored else events


def _restorable(repair: Repair, view: View) -> list[Segment]:
    """Segments of a repair that nobody else is drawing."""
    rows = [row for row in open_segments(repair, view) if row.object_key]
    parts = view.many(PARTS, [(row.part_id,) for row in rows if row.part_id is not None])
    others = {part.part_id for part in parts if part is not None and part.subject_id != repair.job_id}
    return [row for row in rows if row.part_id not in others]


def open_segments(repair: Repair, view: View) -> list[Segment]:
    """What a repair still waits for."""
    rows = view.many(SEGMENTS, [(one.key,) for one in repair.before])
    return [row for row in rows if row is not None and row.repair_id == repair.repair_id and row.state != "done"]


def mended(segment: Segment, verified: SegmentVerified, view: View) -> list[Event]:
    """A segment was verified: when it is the last of its repair, the repair goes on, or ends."""
    repair = view.get(REPAIRS, segment.repair_id) if segment.repair_id is not None else None
    if repair is None or any(row.segment_key != verified.key for row in open_segments(repair, view)):
        return []
    rows = view.many(SEGMENTS, [(one.key,) for one in repair.before])
    after = tuple(
        state_of(row, one.idx, verified if one.key == verified.key else None)
        for one, row in zip(repair.before, rows, strict=True)
        if row is not None
    )
    identical = [one.sha256 for one in after] == [one.sha256 for one in repair.before]
    if repair.redrawing is None:
        return [RepairEnded(repair_id=repair.repair_id, job_id=repair.job_id, state="done", after=after, identical=identical)]
    return _drawn(repair, after, identical, view)


def state_of(row: Segment, idx: int, verified: SegmentVerified | None = None) -> SegmentState:
    """A segment's bytes as they are, or as they are verified just now."""
    now = verified or row
    return SegmentState(key=row.segment_key, idx=idx, frames=row.frames, object_key=now.object_key, sha256=now.sha256, epoch=now.epoch)


def _drawn(repair: Repair, after: tuple[SegmentState, ...], identical: bool, view: View) -> list[Event]:
    """An ended job's segments are there: the last of its repairs sees to the export."""
    rejoin = repair.rejoin or not identical
    others = [one for one in view.where(REPAIRS, job_id=repair.job_id, is_open=True) if one.repair_id != repair.repair_id]
    if others:
        heir = others[0].repair_id if rejoin else None
        return [RepairEnded(repair_id=repair.repair_id, job_id=repair.job_id, state="done", after=after, identical=identical, heir=heir)]
    if rejoin:
        reason = "segments have other bytes than before" if not identical else "an earlier repair of it was not joined"
        return joining(repair, after, identical, reason, view, fresh=tuple(one.key for one in after))
    export = view.get(EXPORTS, repair.job_id)
    assert export is not None, "only completed jobs are repaired after their end"
    return [RepairDrawn(repair_id=repair.repair_id, job_id=repair.job_id, object_key=export.object_key, after=after)]


def joining(
    repair: Repair, after: tuple[SegmentState, ...], identical: bool, reason: str, view: View, *, fresh: Iterable[str] = ()
) -> list[Event]:
    """Have the export joined anew, if every segment of the job is there; those that are `fresh` count as there."""
    job = view.get(JOBS, repair.job_id)
    assert job is not None, "only a job is repaired"
    keys = {row.segment_key for row in view.many(JOB_SEGMENTS, [(job.job_id, idx) for idx in range(job.segments_total)]) if row}
    rows = view.many(SEGMENTS, [(key,) for key in sorted(keys - set(fresh))])
    if lacking := sum(1 for row in rows if row is None or row.state != "done"):
        detail = f"{reason}, but {lacking} of its segments could not be drawn: ask for a repair of the export once they can be"
        return [
            RepairEnded(
                repair_id=repair.repair_id,
                job_id=job.job_id,
                state="failed",
                after=after,
                identical=identical,
                code="render.incomplete",
                detail=detail,
            )
        ]
    return [
        RepairAssembling(
            repair_id=repair.repair_id, job_id=job.job_id, identical=identical, reason=reason, failures=job.assemble_attempts, after=after
        )
    ]
