"""Repairs: frames that a person doubts, and stored segments that rotted or are gone, are drawn again; nothing else is."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from uuid import UUID

from consumers.render.jobs.segment_consequences import joining, set_back, state_of
from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOB_SPECS, JOBS, REPAIRS
from consumers.render.leases.kind import Rows
from consumers.render.leases.lease import PARTS, SEGMENTS, ended
from consumers.render.nodes.fault_attribution import SET_ASIDE, message_of
from consumers.render.nodes.node_control import TEMPLATES
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from contracts.actors import BY_ITSELF
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Event
from contracts.render.jobs import ACTIVE, Job
from contracts.render.repairs import (
    ExportReplaced,
    FrameRange,
    JobSetBack,
    Redrawing,
    Repair,
    RepairAnswer,
    RepairAssembling,
    RepairCause,
    RepairDrawn,
    RepairEnded,
    RepairRequested,
    RepairState,
    ReportRot,
    RequestRepair,
    SettleRepair,
)
from contracts.render.segments import Segment

MOST_SEGMENTS = 100  # in one repair: its event holds what each was and is, and stays below 64 KB
MOST_BY_ITSELF = 5  # repairs of one job after which the farm asks for no more: nodes that lie must not keep it busy for ever
LONGEST_REASON = 200  # characters
Places = dict[str, int]  # segment key to its first position in the job


def request(cmd: RequestRepair, view: View, ctx: Context) -> Decision[RepairAnswer]:
    """Have the segments drawn again that hold a person's frames; the answer names the repair."""
    job = _repairable(cmd, view, ctx)
    if isinstance(job, Refusal):
        return job
    ranges = _ranges(cmd, job)
    if isinstance(ranges, Refusal):
        return ranges
    places = _places(job, ranges, view)
    if len(places) > MOST_SEGMENTS:
        detail = f"at most {MOST_SEGMENTS} segments are repaired at once; these frames lie in {len(places)}"
        return refuse("render.out_of_bounds", detail, "frames")
    rows = _rows(places, view)
    chosen = [row for row in rows if row.state == "done"]
    if job.state == "completed":
        chosen += [row for row in _lacking(job, view, places) if row not in chosen][: MOST_SEGMENTS - len(chosen)]
    elif not chosen and not any(row.repair_id for row in rows):
        return refuse("render.not_drawn", "these frames are not drawn yet, so there is nothing to repair", "frames")
    if not chosen and not cmd.export:
        waiting = next((row.repair_id for row in rows if row.repair_id), None)
        return Answer([], RepairAnswer(repair_id=waiting, job_id=job.job_id, state="drawing", segments=0))
    if chosen and job.state == "completed" and (problem := _undrawable(job, view)):
        return refuse(*problem, "job_id")
    events = begun(job, chosen, places, "person", cmd.reason[:LONGEST_REASON], view, ctx, frames=ranges)
    state: RepairState = "drawing" if chosen else "checking"
    return Answer(events, RepairAnswer(repair_id=ctx.id("repair"), job_id=job.job_id, state=state, segments=len(chosen)))


def _repairable(cmd: RequestRepair, view: View, ctx: Context) -> Job | Refusal:
    view.need(
        view.at(JOBS, cmd.job_id),
        view.at(JOB_SPECS, cmd.job_id),
        view.group(REPAIRS, job_id=cmd.job_id, is_open=True),
        view.of(PLATFORM).group(NODES, state="active"),
    )
    job = view.get(JOBS, cmd.job_id)
    if job is None:
        return refuse("job.not_found", f"there is no render {cmd.job_id}", "job_id", retry_for=1.5)
    if job.state not in ACTIVE and job.state != "completed":
        return refuse(
            "render.ended", f"the render is {job.state}; only frames of completed renders and of those under way are repaired", "job_id"
        )
    if ctx.envelope.actor in BY_ITSELF and len(view.where(REPAIRS, job_id=cmd.job_id, is_open=False)) >= MOST_BY_ITSELF:
        return refuse(
            "render.unrepairable",
            f"it was repaired {MOST_BY_ITSELF} times and is not as it should be; look into its repairs, then ask for one yourself",
            "job_id",
        )
    if cmd.export and job.state != "completed":
        return refuse("render.no_export", f"the render is {job.state}: it has no export yet", "export")
    return job


def _ranges(cmd: RequestRepair, job: Job) -> tuple[FrameRange, ...] | Refusal:
    """The frames that were named as few ranges as possible."""
    named = [(frame, frame) for frame in cmd.frames] + [(one.first, one.last) for one in cmd.ranges]
    if not named and not cmd.export:
        return refuse("render.no_frames", "name `frames` or `ranges`, or ask for the `export`", "frames")
    for first, last in named:
        if not 0 <= first <= last < job.frames_total:
            what = f"frame {first}" if first == last else f"{first} to {last}"
            return refuse("render.out_of_bounds", f"frames are 0 to {job.frames_total - 1}, in order; {what} is not among them", "frames")
    merged: list[tuple[int, int]] = []
    for first, last in sorted(named):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(FrameRange(first=first, last=last) for first, last in merged)


def _places(job: Job, ranges: Sequence[FrameRange], view: View) -> Places:
    """Segments that hold these frames: segments stand in the video's order, so a frame's is found by adding up their lengths."""
    rows = [row for row in view.many(JOB_SEGMENTS, [(job.job_id, idx) for idx in range(job.segments_total)]) if row is not None]
    starts = list(accumulate((row.frames for row in rows), initial=0))
    places: Places = {}
    for one in ranges if rows else ():
        for idx in range(bisect_right(starts, one.first) - 1, bisect_right(starts, one.last)):
            places.setdefault(rows[idx].segment_key, idx)
    return places


def _rows(places: Places, view: View) -> list[Segment]:
    return [row for row in view.many(SEGMENTS, [(key,) for key in places]) if row is not None]


def _lacking(job: Job, view: View, places: Places) -> list[Segment]:
    """Segments of a completed job that an earlier repair left undrawn; their places are added."""
    positions = view.many(JOB_SEGMENTS, [(job.job_id, idx) for idx in range(job.segments_total)])
    every = {row.segment_key: row.idx for row in reversed(positions) if row is not None}
    lacking = [row for row in _rows(every, view) if row.state == "ready" and row.repair_id is None]
    places.update((row.segment_key, every[row.segment_key]) for row in lacking)
    return lacking


def _undrawable(job: Job, view: View) -> tuple[str, str] | None:
    """Why an ended job cannot be drawn any more: its builds are gone from the farm, or a template of it was set aside."""
    builds = (job.engine_build, job.encoder_build)
    nodes = view.of(PLATFORM).where(NODES, state="active")
    if not any((node.engine_build, node.encoder_build) == builds for node in nodes):
        return "render.build_gone", f"no node of the farm has {builds[0]} and {builds[1]} any more, by which the render was drawn"
    for row in view.many(TEMPLATES, [(bundle,) for bundle in _bundles(job, view)]):
        if row is not None and row.state == "set_aside":
            return SET_ASIDE, message_of(row.template, row.reason)
    return None


def _bundles(job: Job, view: View) -> tuple[str, ...]:
    spec = view.get(JOB_SPECS, job.job_id)
    return tuple(sorted({scene.bundle for scene in spec.spec.scenes})) if spec else ()


def begun(
    job: Job,
    rows: Sequence[Segment],
    places: Places,
    cause: RepairCause,
    reason: str,
    view: View,
    ctx: Context,
    *,
    frames: tuple[FrameRange, ...] = (),
    joined: UUID | None = None,
) -> list[Event]:
    """The events of a new repair: what each segment was, and what waits again. `joined` is an ended assembly that found it."""
    repair_id = ctx.id("repair")
    completed = job.state == "completed"
    redrawing = Redrawing(
        engine_build=job.engine_build,
        encoder_build=job.encoder_build,
        needs=job.needs,
        bundles=_bundles(job, view),
        correlation=job.correlation_id,
    )
    requested = RepairRequested(
        repair_id=repair_id,
        job_id=job.job_id,
        cause=cause,
        reason=reason,
        frames=frames,
        before=tuple(state_of(row, places[row.segment_key]) for row in rows),
        redrawing=redrawing if completed else None,
        found_joining=joined is not None,
    )
    stood = [row for row in rows if row.state == "done"]
    later = [one for one in view.where(REPAIRS, job_id=job.job_id, is_open=True) if one.state in ("checking", "assembling")]
    parts = view.many(PARTS, [(job.assemble_part_id,)] if completed and job.assemble_part_id else [])
    running = [ended(part, view, "cancelled", "a segment is drawn again") for part in parts if part and part.part_id != joined]
    events: list[Event] = [*(running if later else []), requested, *(_passed_on(one, repair_id) for one in later)]
    events += set_back(stood, view, besides=joined)
    if completed and not rows:
        events += _export_alone(requested, any(one.state == "assembling" for one in later), view)
    return events


def _passed_on(repair: Repair, heir: UUID) -> RepairEnded:
    """The end of a repair that has drawn its segments: another one begins, and sees to the export at its own end."""
    return RepairEnded(
        repair_id=repair.repair_id,
        job_id=repair.job_id,
        state="done",
        after=repair.after,
        identical=repair.identical,
        heir=heir if repair.state == "assembling" else None,
    )


def _export_alone(requested: RepairRequested, rejoin: bool, view: View) -> list[Event]:
    """The next step of a repair without segments, unless another one is drawing, which sees to the export at its end."""
    repair_id, job_id = requested.repair_id, requested.job_id
    drawing = [one for one in view.where(REPAIRS, job_id=job_id, is_open=True) if one.state == "drawing"]
    if drawing:
        heir = drawing[0].repair_id if rejoin else None
        return [RepairEnded(repair_id=repair_id, job_id=job_id, state="done", identical=True, heir=heir)]
    export, job = view.get(EXPORTS, job_id), view.get(JOBS, job_id)
    assert export is not None and job is not None, "a completed job has an export"
    if rejoin:
        reason = "an earlier repair of it was not joined"
        failures = job.assemble_attempts
        return [RepairAssembling(repair_id=repair_id, job_id=job_id, identical=True, reason=reason, failures=failures, after=())]
    return [RepairDrawn(repair_id=repair_id, job_id=job_id, object_key=export.object_key, after=())]


def report_rot(cmd: ReportRot, view: View, ctx: Context) -> Decision:
    """A stored segment is not what was verified: have it drawn again, if it still stands for those bytes."""
    view.need(view.at(SEGMENTS, cmd.key), view.group(JOB_SEGMENTS, segment_key=cmd.key), view.of(PLATFORM).group(NODES, state="active"))
    row = view.get(SEGMENTS, cmd.key)
    if row is None or row.state != "done" or row.object_key != cmd.object_key or row.sha256 == cmd.found_sha256:
        return []
    reason = f"the stored segment has the SHA-256 {cmd.found_sha256}" if cmd.found_sha256 else "the stored segment is missing"
    return rotten(row, "rot" if cmd.found_sha256 else "missing", reason, view, ctx)


def rotten(row: Segment, cause: RepairCause, reason: str, view: View, ctx: Context, *, joined: UUID | None = None) -> list[Event]:
    """A repair of one segment for the job that needs it most: one under way, else the latest completed one."""
    uses = {place.job_id: place.idx for place in reversed(view.where(JOB_SEGMENTS, segment_key=row.segment_key))}
    jobs = [job for job in view.many(JOBS, [(job_id,) for job_id in uses]) if job is not None]
    job = max(jobs, key=lambda job: (job.state in ACTIVE, job.state == "completed", job.created_at, job.job_id))
    events = begun(job, [row], {row.segment_key: uses[job.job_id]}, cause, reason[:LONGEST_REASON], view, ctx, joined=joined)
    if job.state in ACTIVE:
        return events
    repair_id = ctx.id("repair")
    if job.state != "completed":
        detail = "no render needs it any more; the next one that does has it drawn"
        return [*events, RepairEnded(repair_id=repair_id, job_id=job.job_id, state="cancelled", code="render.not_needed", detail=detail)]
    if problem := _undrawable(job, view):
        return [*events, RepairEnded(repair_id=repair_id, job_id=job.job_id, state="failed", code=problem[0], detail=problem[1])]
    return events


def settle(cmd: SettleRepair, view: View, ctx: Context) -> Decision:
    """The export of a repaired job was looked at: all is well, or it is joined anew."""
    repair = view.get(REPAIRS, cmd.repair_id)
    if repair is None or repair.state != "checking":
        return []
    export = view.get(EXPORTS, repair.job_id)
    if export is None or export.object_key != cmd.object_key:
        return []
    if export.sha256 == cmd.found_sha256 and not repair.rejoin:
        return [RepairEnded(repair_id=repair.repair_id, job_id=repair.job_id, state="done", after=repair.after, identical=True)]
    reason = "the export's file is damaged" if cmd.found_sha256 else "the export's file is missing"
    return joining(repair, repair.after, True, reason, view)


def repair_requested(event: RepairRequested, envelope: Envelope, view: View) -> Rows:
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


def repair_drawn(event: RepairDrawn, envelope: Envelope, view: View) -> Rows:
    """The export is looked at."""
    yield REPAIRS, moved(_repair(event.repair_id, view), envelope, state="checking", after=event.after, identical=True)


def repair_assembling(event: RepairAssembling, envelope: Envelope, view: View) -> Rows:
    """The export is joined anew."""
    repair = _repair(event.repair_id, view)
    yield REPAIRS, moved(repair, envelope, state="assembling", after=event.after, identical=event.identical, failures=event.failures)


def export_replaced(event: ExportReplaced, envelope: Envelope, view: View) -> Rows:
    """Where a completed job's video lies."""
    export = view.get(EXPORTS, event.job_id)
    assert export is not None, "only an export is replaced"
    names = ("object_key", "sha256", "bytes", "frames", "duration", "packets_sha256", "degraded")
    yield EXPORTS, moved(export, envelope, **{name: getattr(event, name) for name in names})


def repair_ended(event: RepairEnded, envelope: Envelope, view: View) -> Rows:
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


def _repair(repair_id: UUID, view: View) -> Repair:
    repair = view.get(REPAIRS, repair_id)
    assert repair is not None, "a repair is requested before anything else happens to it"
    return repair
