"""Kind render: a run of a job's segments is drawn; one verified segment advances every job that waits for it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from msgspec.structs import replace

import sql
from adapters.object_store import ObjectStore
from consumers.render.jobs.job import failed as job_failed
from consumers.render.jobs.plan import located
from consumers.render.jobs.segment_consequences import advances, following, mended, open_repairs, repairs_given_up
from consumers.render.jobs.tables import JOB_SEGMENTS, JOB_SPECS, JOBS
from consumers.render.jobs.warnings import noticed, told
from consumers.render.leases.kind import Failure, Grant, Kind, Results, Rows
from consumers.render.leases.lease import LARGEST_OBJECT, PARTS, SEGMENTS, held, misplaced
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, named_by, read_specs
from consumers.render.leases.manifests import file_addresses, result_address, with_look
from consumers.render.leases.object_keys import segment_object_key
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.projection import moved
from consumers.runtime.state import View, Want
from consumers.runtime.tools import Ask
from contracts.envelope import Envelope
from contracts.message import Command, Event
from contracts.node import Manifest, ReportSegment, SceneTask, SegmentTask
from contracts.render.jobs import ACTIVE, JobStarted
from contracts.render.parts import AssignPart, Part, PartAssigned, PartEnded
from contracts.render.repairs import Repair, ReportRot
from contracts.render.segments import SegmentVerified
from contracts.spec import RenderSpec

TRIES = 10  # of one segment, the last of them the node's fault, its disk's or its network's, before its jobs fail
# The same where it was the engine's; a node tries twice each time.
ENGINE_TRIES = 2
MOST_ADVANCES = 100  # jobs that a SegmentVerified tells of: an event stays under 64 KB
LARGEST_DIFFERENCE = 255.0  # luma steps
CLOCKS_APART = 60.0  # seconds that a segment may have taken beyond its lease's age
_q = sql.load("render")


def _wants(cmd: AssignPart, view: View) -> Iterable[Want]:
    return (view.at(JOBS, cmd.subject_id), *(view.at(SEGMENTS, key) for key in cmd.keys))


def _assign(cmd: AssignPart, view: View) -> Grant | Refusal:
    job = view.get(JOBS, cmd.subject_id)
    repairs = open_repairs(job, view) if job is not None else []
    if job is None or not (job.state in ACTIVE or repairs):
        return refuse("render.not_waiting", "the job does not wait for this part")
    places = dict(zip(cmd.keys, cmd.places, strict=False)) or _places(cmd, view)
    rows = view.many(SEGMENTS, [(key,) for key in places])
    wanting = {repair.repair_id for repair in repairs}
    ready = [row for row in rows if row is not None and row.state == "ready" and (job.state in ACTIVE or row.repair_id in wanting)]
    if not ready:
        return refuse("render.not_waiting", "none of these segments waits")
    keys = tuple(row.segment_key for row in ready)
    started = (JobStarted(job_id=job.job_id),) if job.state == "queued" else ()
    return Grant(1 + max(row.epoch for row in ready), keys, tuple(places[key] for key in keys), started)


def _places(cmd: AssignPart, view: View) -> dict[str, int]:
    """Where in the job each segment of the run stands first."""
    places: dict[str, int] = {}
    for row in view.many(JOB_SEGMENTS, [(cmd.subject_id, idx) for idx in range(cmd.first, cmd.first + cmd.count)]):
        if row is not None:
            places.setdefault(row.segment_key, row.idx)
    return places


def report_segment(cmd: ReportSegment, view: View, ctx: Context) -> Decision:
    """Accept a segment once, and advance every job that waits for it."""
    view.need(view.at(PARTS, cmd.part_id), view.at(SEGMENTS, cmd.key), view.group(JOB_SEGMENTS, segment_key=cmd.key))
    part = held(cmd.part_id, cmd.epoch, view, ctx, KIND.name)
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
    if refusal := misplaced(cmd.object_key, segment_object_key(part.tenant_id, cmd.key, part.epoch, part.part_id), cmd.sha256):
        return refusal
    if refusal := _incredible(cmd, part, ctx):
        return refusal
    further = advances([segment], view)
    recorded = tuple(now for _, now in further[:MOST_ADVANCES])
    ends = all(row.state == "done" or key == cmd.key or row.part_id != part.part_id for key, row in rows.items())
    verified = replace(_verified(cmd, part), jobs=recorded, ends=ends)
    warned = [event for job, _ in further for event in told(job.job_id, job.warnings, verified.warnings)] if verified.warnings else []
    return [verified, *warned, *following(further, len(recorded)), *mended(segment, verified, view)]


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
        warnings=noticed(cmd.warnings),
    )


def segment_verified(event: SegmentVerified, envelope: Envelope, view: View) -> Rows:
    """The segment's bytes are those of this epoch from now on; jobs are further, and its part may be over."""
    row = view.get(SEGMENTS, event.key)
    assert row is not None, "only a planned segment is verified"
    names = ("object_key", "sha256", "bytes", "difference", "seconds", "degraded", "node_id", "epoch", "warnings")
    values = {name: getattr(event, name) for name in names} | {"seam_before": event.before, "seam_last": event.last}
    yield SEGMENTS, moved(row, envelope, state="done", repair_id=None, **values)
    for now in event.jobs:
        job = view.get(JOBS, now.job_id)
        assert job is not None, "only a submitted job advances"
        yield JOBS, moved(job, envelope, segments_done=now.segments_done, frames_done=now.frames_done)
    if event.ends:
        part = view.get(PARTS, event.part_id)
        assert part is not None, "only an assigned part ends"
        yield PARTS, moved(part, envelope, state="done")


def _attempts(part: Part, view: View) -> int:
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    return max((row.attempts for row in rows if row is not None and row.state == "drawing"), default=0)


def _failed(failure: Failure, view: View, ctx: Context) -> Sequence[Event]:
    part = failure.part
    job = view.get(JOBS, part.subject_id) if failure.is_last else None
    if job is None:
        return []
    if job.state in ACTIVE:
        return job_failed(job, view, failure.code, failure.detail, failure.field, besides=part.part_id)
    return repairs_given_up(failure, job, _drawn_for(part, open_repairs(job, view), view), view)


def _drawn_for(part: Part, repairs: Sequence[Repair], view: View) -> list[UUID]:
    """The repairs for which a part draws."""
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    concerned = {row.repair_id for row in rows if row is not None and row.state == "drawing" and row.part_id == part.part_id}
    return [repair.repair_id for repair in repairs if repair.repair_id in concerned]


def _templates(part: Part, view: View) -> Iterable[str]:
    row = view.get(JOB_SPECS, part.subject_id)
    return [scene.bundle for scene in row.spec.scenes] if row is not None else ()


def _assigned(event: PartAssigned, envelope: Envelope, view: View) -> Rows:
    for row in view.many(SEGMENTS, [(key,) for key in event.keys]):
        assert row is not None, "only planned segments are assigned"
        yield SEGMENTS, moved(row, envelope, state="drawing", part_id=event.part_id, epoch=event.epoch, node_id=event.node_id)


def _ended(event: PartEnded, envelope: Envelope, view: View) -> Rows:
    """What was not done waits again, one attempt older when it failed."""
    for row in view.many(SEGMENTS, [(key,) for key in event.returned]):
        assert row is not None, "only held segments return"
        again = {"state": "ready", "part_id": None, "node_id": None, "attempts": row.attempts + int(event.end == "failed")}
        avoid = row.avoid if not event.avoid or event.node_id in row.avoid else (*row.avoid, event.node_id)
        yield SEGMENTS, moved(row, envelope, **again, avoid=avoid)


def _spoilt(name: str, object_key: str, found: str) -> Command:
    return ReportRot(key=name, object_key=object_key, found_sha256=found)


async def _read(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    await read_specs(ask, known, inputs, parts)


def _files(inputs: ManifestInputs, part: Part) -> set[str]:
    spec = inputs.spec(part)
    scenes = {located(spec, place)[0] for place in part.places}
    return {sha for at in scenes for sha in named_by(spec.scenes[at])} | set(spec.fonts)


def manifest(inputs: ManifestInputs, part: Part, objects: ObjectStore) -> Manifest:
    """The segments to draw, scene by scene, and the files that they use."""
    spec = inputs.spec(part)
    scenes: dict[int, list[SegmentTask]] = {}
    for place, segment in sorted(zip(part.places, part.keys, strict=True)):
        scene, first, count = located(spec, place)
        key = segment_object_key(part.tenant_id, segment, part.epoch, part.part_id)
        task = SegmentTask(key=segment, first=first, count=count, put_url=result_address(key, inputs, part, objects), object_key=key)
        scenes.setdefault(scene, []).append(task)
    tasks = [SceneTask(spec=spec.scenes[at], frame_offset=_offset(spec, at), segments=tuple(scenes[at])) for at in scenes]
    return with_look(spec, files=file_addresses(inputs, part, objects), fonts=spec.fonts, scenes=tuple(tasks))


def _offset(spec: RenderSpec, position: int) -> int:
    return sum(scene.frames for scene in spec.scenes[:position])


KIND = Kind(
    name="render",
    results=Results(name="segment", following=_q.next_stored_segment, first="", spoilt=_spoilt, becomes="is drawn again"),
    tries=TRIES,
    tries_after={"engine_hang": ENGINE_TRIES, "engine_crash": ENGINE_TRIES, "out_of_memory": ENGINE_TRIES, "frames_differ": ENGINE_TRIES},
    wants=_wants,
    assign=_assign,
    attempts=_attempts,
    failed=_failed,
    templates=_templates,
    assigned=_assigned,
    ended=_ended,
    read=_read,
    files=_files,
    manifest=manifest,
)
