"""Parts: assigned to a free slot with an epoch, ended by reports, failures or silence. Only the holder's reports count."""

import re
from uuid import UUID

from msgspec.structs import replace

from consumers.render.leases import ended
from consumers.render.mending import advances, mended, told
from consumers.render.places import export_place, segment_place
from consumers.render.repair_rows import REPAIRS, FrameRepair
from consumers.render.reporter import reporter
from consumers.render.rows import ACTIVE, JOB_SEGMENTS, JOBS, NODES, PARTS, SEGMENTS, Job, Part
from consumers.render.snapshot_rows import WAITING
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.state import View
from contracts.message import PLATFORM, Event
from contracts.node import ReportExport, ReportSegment
from contracts.render import (
    AssignPart,
    ExpirePart,
    JobCompleted,
    JobStarted,
    PartAssigned,
    SegmentVerified,
)
from contracts.repair import ExportReplaced, RepairEnded

SHA256 = re.compile("[0-9a-f]{64}")
MOST_ADVANCES = 100  # jobs that a SegmentVerified tells of: an event stays under 64 KB
LARGEST_OBJECT = 1 << 40  # bytes
LARGEST_DIFFERENCE = 255.0  # luma steps
CLOCKS_APART = 60.0  # seconds that a segment may have taken beyond its lease's age


def assign(cmd: AssignPart, view: View, ctx: Context) -> Decision:
    """Give the scheduler's choice its lease, if the node still offers the slot and the work still waits."""
    platform = view.of(PLATFORM)
    if cmd.kind not in WAITING:
        wanted = [view.at(SEGMENTS, key) for key in cmd.keys]
        view.need(platform.at(NODES, cmd.node_id), view.at(JOBS, cmd.subject_id), *wanted)
    node = platform.get(NODES, cmd.node_id)
    if node is None or node.state != "active" or node.service != "open" or node.epoch != cmd.node_epoch:
        return refuse("render.node_gone", f"node {cmd.node_id} does not offer this slot any more")
    if (table := WAITING.get(cmd.kind)) is not None:
        row = view.get(table, cmd.subject_id)
        if row is None or row.state != "queued":
            return refuse("render.not_waiting", f"nothing waits for this {cmd.kind}")
        return [_assigned(cmd, ctx, row.attempts + 1)]
    job = view.get(JOBS, cmd.subject_id)
    repairs = open_repairs(job, view) if job is not None else []
    if job is None or not (job.state in ACTIVE or repairs):
        return refuse("render.not_waiting", "the job does not wait for this part")
    if cmd.kind == "assemble":
        waits = job.state == "assembling" or any(repair.state == "assembling" for repair in repairs)
        if not waits or job.assemble_part_id is not None:
            return refuse("render.not_waiting", "the job does not wait for its export")
        return [_assigned(cmd, ctx, job.assemble_attempts + 1)]
    return _assign_segments(cmd, job, repairs, view, ctx)


def open_repairs(job: Job, view: View) -> list[FrameRepair]:
    """What an ended job is still worked on for."""
    return view.where(REPAIRS, job_id=job.job_id, is_open=True) if job.state == "completed" else []


def _assign_segments(cmd: AssignPart, job: Job, repairs: list[FrameRepair], view: View, ctx: Context) -> Decision:
    places = dict(zip(cmd.keys, cmd.places, strict=False)) or _places(cmd, view)
    rows = view.many(SEGMENTS, [(key,) for key in places])
    wanting = {repair.repair_id for repair in repairs}
    ready = [row for row in rows if row is not None and row.state == "ready" and (job.state in ACTIVE or row.repair_id in wanting)]
    if not ready:
        return refuse("render.not_waiting", "none of these segments waits")
    epoch = 1 + max(row.epoch for row in ready)
    started = [JobStarted(job_id=job.job_id)] if job.state == "queued" else []
    keys = tuple(row.segment_key for row in ready)
    return [_assigned(cmd, ctx, epoch, keys, tuple(places[key] for key in keys)), *started]


def _places(cmd: AssignPart, view: View) -> dict[str, int]:
    """Where in the job each segment of the run stands first."""
    places: dict[str, int] = {}
    for row in view.many(JOB_SEGMENTS, [(cmd.subject_id, idx) for idx in range(cmd.first, cmd.first + cmd.count)]):
        if row is not None:
            places.setdefault(row.segment_key, row.idx)
    return places


def _assigned(cmd: AssignPart, ctx: Context, epoch: int, keys: tuple[str, ...] = (), places: tuple[int, ...] = ()) -> PartAssigned:
    return PartAssigned(
        part_id=ctx.id("part"),
        kind=cmd.kind,
        subject_id=cmd.subject_id,
        node_id=cmd.node_id,
        node_epoch=cmd.node_epoch,
        epoch=epoch,
        first=cmd.first,
        count=cmd.count,
        keys=keys,
        places=places,
    )


def held(part_id: UUID, epoch: int, view: View, ctx: Context) -> Part | Refusal:
    """The part, if the reporting node still holds it under this epoch; else the refusal that it can log."""
    part = view.get(PARTS, part_id)
    if part is None or reporter(ctx.envelope.actor) != part.node_id:
        return refuse("render.foreign_part", f"part {part_id} was never given to {ctx.envelope.actor}")
    if part.state != "active" or part.epoch != epoch:
        return refuse("render.stale_lease", f"part {part_id} is {part.state} under epoch {part.epoch}; the report came under epoch {epoch}")
    return part


def elsewhere(object_key: str, place: str, sha256: str) -> Refusal | None:
    """The refusal of an object that is not where the lease puts it: a node must not pass off other people's objects as its own."""
    if object_key != place:
        return refuse("render.foreign_object", f"the object must lie at {place}, the report says {object_key}", "object_key")
    if not SHA256.fullmatch(sha256):
        return refuse("render.sha256", f"{sha256!r} is not a SHA-256 in hex", "sha256")
    return None


def report_segment(cmd: ReportSegment, view: View, ctx: Context) -> Decision:
    """Accept a segment once, and advance every job that waits for it."""
    view.need(view.at(PARTS, cmd.part_id), view.at(SEGMENTS, cmd.key), view.group(JOB_SEGMENTS, segment_key=cmd.key))
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    rows = {row.segment_key: row for row in view.many(SEGMENTS, [(key,) for key in part.keys]) if row is not None}
    segment = rows.get(cmd.key)
    if segment is None or segment.part_id != part.part_id:
        return refuse("render.foreign_segment", f"part {part.part_id} does not hold segment {cmd.key}")
    if segment.state == "done":
        return []
    if cmd.frames != segment.frames:
        return refuse("render.wrong_frames", f"segment {cmd.key} has {segment.frames} frames, the report says {cmd.frames}", "frames")
    if refusal := elsewhere(cmd.object_key, segment_place(part.tenant_id, cmd.key, part.epoch, part.part_id), cmd.sha256):
        return refusal
    if refusal := _incredible(cmd, part, ctx):
        return refusal
    further = advances([segment], view)
    recorded = tuple(now for _, now in further[:MOST_ADVANCES])
    ends = all(row.state == "done" or key == cmd.key or row.part_id != part.part_id for key, row in rows.items())
    verified = replace(_verified(cmd, part), jobs=recorded, ends=ends)
    return [verified, *told(further, len(recorded)), *mended(segment, verified, view)]


def _incredible(cmd: ReportSegment, part: Part, ctx: Context) -> Refusal | None:
    """The refusal of figures that cannot be: the seconds are charged to the tenant's share and set the length of later parts."""
    longest = (ctx.now - part.created_at).total_seconds() + CLOCKS_APART
    bounds = {"bytes": (1, LARGEST_OBJECT), "seconds": (0.0, longest), "difference": (0.0, LARGEST_DIFFERENCE)}
    for name, (least, most) in bounds.items():
        if not least <= (value := getattr(cmd, name)) <= most:
            return refuse("render.out_of_bounds", f"{name} must be {least} to {most:.0f}, the report says {value}", name)
    return None


def _verified(cmd: ReportSegment, part: Part) -> SegmentVerified:
    return SegmentVerified(
        key=cmd.key,
        part_id=part.part_id,
        node_id=part.node_id,
        epoch=part.epoch,
        object_key=cmd.object_key,
        sha256=cmd.sha256,
        bytes=cmd.bytes,
        frames=cmd.frames,
        difference=cmd.difference,
        seconds=cmd.seconds,
        degraded=cmd.degraded,
        before=cmd.before,
        last=cmd.last,
    )


def report_export(cmd: ReportExport, view: View, ctx: Context) -> Decision:
    """Complete a job whose export has exactly its frames."""
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    job = view.get(JOBS, part.subject_id)
    repair = next((one for one in open_repairs(job, view) if one.state == "assembling"), None) if job is not None else None
    if job is None or not (job.state == "assembling" or repair):
        return refuse("render.not_waiting", "the job does not wait for an export")
    if cmd.frames != job.frames_total:
        return refuse("render.wrong_frames", f"the job has {job.frames_total} frames, the export {cmd.frames}", "frames")
    if refusal := elsewhere(cmd.object_key, export_place(part.tenant_id, part.subject_id, part.epoch, part.part_id), cmd.sha256):
        return refusal
    seconds = job.frames_total * job.rate_den / job.rate_num
    if not abs(cmd.duration - seconds) <= 1:
        return refuse("render.out_of_bounds", f"{job.frames_total} frames last {seconds:.3f} s, the report says {cmd.duration}", "duration")
    if not 1 <= cmd.bytes <= LARGEST_OBJECT:
        return refuse("render.out_of_bounds", f"bytes must be 1 to {LARGEST_OBJECT}, the report says {cmd.bytes}", "bytes")
    if repair is not None:
        return [*_replaced(cmd, repair), ended(part, view, "done")]
    completed = JobCompleted(
        job_id=job.job_id,
        object_key=cmd.object_key,
        sha256=cmd.sha256,
        bytes=cmd.bytes,
        frames=cmd.frames,
        duration=cmd.duration,
        packets_sha256=cmd.packets_sha256,
        degraded=cmd.degraded,
        metadata=job.metadata,
    )
    return [completed, ended(part, view, "done")]


def _replaced(cmd: ReportExport, repair: FrameRepair) -> list[Event]:
    facts = {name: getattr(cmd, name) for name in ("object_key", "sha256", "bytes", "frames", "duration", "packets_sha256", "degraded")}
    return [
        ExportReplaced(job_id=repair.job_id, repair_id=repair.repair_id, **facts),
        RepairEnded(
            repair_id=repair.repair_id,
            job_id=repair.job_id,
            state="done",
            after=repair.after,
            identical=repair.identical,
            detail=repair.detail,
        ),
    ]


def expire(cmd: ExpirePart, view: View, ctx: Context) -> Decision:
    """End a lease that its node no longer serves; the work waits again."""
    part = view.get(PARTS, cmd.part_id)
    if part is None or part.state != "active":
        return []
    return [ended(part, view, "expired", cmd.reason)]
