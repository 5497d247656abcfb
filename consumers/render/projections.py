"""What the render domain's events write where a declaration is not enough: one event that changes several rows."""

from collections.abc import Iterable
from typing import Any

import msgspec

from consumers.render.rows import EXPORTS, FILES, INSPECTIONS, JOB_SEGMENTS, JOB_SPECS, JOBS, NODES, PARTS, SEGMENTS, TEMPLATES
from consumers.render.snapshot_rows import SNAPSHOTS
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from consumers.runtime.table import Row, Table
from contracts.envelope import Envelope
from contracts.farm import NodeSteered, TemplateCrashed
from contracts.render import (
    InspectionEnded,
    JobCompleted,
    JobPlanned,
    JobSubmitted,
    PartAssigned,
    PartEnded,
    SegmentsPlanned,
    SegmentVerified,
)

Rows = Iterable[tuple[Table[Any], Row]]


def job_submitted(event: JobSubmitted, envelope: Envelope, view: View) -> Rows:
    """The job; its spec stands in a table of its own: it is large and never changes."""
    values = {name: getattr(event, name) for name in event.__struct_fields__ if name in JOBS.fields}
    yield JOBS, fresh(JOBS, envelope, values | {"correlation_id": envelope.correlation})
    yield JOB_SPECS, fresh(JOB_SPECS, envelope, {"job_id": event.job_id, "spec": event.spec})


def segments_planned(event: SegmentsPlanned, envelope: Envelope, view: View) -> Rows:
    """A job's needs, and the segments that nobody has asked for before."""
    keys = list(dict.fromkeys(segment.key for segment in event.segments))
    known = dict(zip(keys, view.many(SEGMENTS, [(key,) for key in keys]), strict=True))
    frames = {segment.key: segment.count for segment in event.segments}
    for key in keys:
        if known[key] is None:
            yield SEGMENTS, fresh(SEGMENTS, envelope, {"segment_key": key, "frames": frames[key]})
    for idx, segment in enumerate(event.segments, event.offset):
        values = {"job_id": event.job_id, "idx": idx, "segment_key": segment.key, "scene": segment.scene}
        yield JOB_SEGMENTS, fresh(JOB_SEGMENTS, envelope, values | {"first": segment.first, "frames": segment.count})


def job_planned(event: JobPlanned, envelope: Envelope, view: View) -> Rows:
    """A job's builds and counts."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "a job is submitted before it is planned"
    counts = {"segments_total": event.segments_total, "segments_done": event.segments_done, "frames_done": event.frames_done}
    yield JOBS, moved(job, envelope, engine_build=event.engine_build, encoder_build=event.encoder_build, **counts)


def part_assigned(event: PartAssigned, envelope: Envelope, view: View) -> Rows:
    """The lease, and what it holds."""
    yield PARTS, fresh(PARTS, envelope, msgspec.structs.asdict(event))
    for row in view.many(SEGMENTS, [(key,) for key in event.keys]):
        assert row is not None, "only planned segments are assigned"
        yield SEGMENTS, moved(row, envelope, state="drawing", part_id=event.part_id, epoch=event.epoch, node_id=event.node_id)
    if event.kind == "inspect":
        file = view.get(INSPECTIONS, event.subject_id)
        assert file is not None, "only requested inspections are assigned"
        yield INSPECTIONS, moved(file, envelope, state="assigned")
    if event.kind == "snapshot":
        picture = view.get(SNAPSHOTS, event.subject_id)
        assert picture is not None, "only queued snapshots are assigned"
        yield SNAPSHOTS, moved(picture, envelope, state="assigned")
    if event.kind == "assemble":
        job = view.get(JOBS, event.subject_id)
        assert job is not None, "only a job's export is assembled"
        yield JOBS, moved(job, envelope, assemble_part_id=event.part_id)


def part_ended(event: PartEnded, envelope: Envelope, view: View) -> Rows:
    """The lease is over; what was not done waits again, one attempt older when it failed."""
    part = view.get(PARTS, event.part_id)
    assert part is not None, "only an assigned part ends"
    failure = int(event.end == "failed")
    yield PARTS, moved(part, envelope, state=event.end, detail=event.detail)
    for row in view.many(SEGMENTS, [(key,) for key in event.returned]):
        assert row is not None, "only held segments return"
        again = {"state": "ready", "part_id": None, "node_id": None, "attempts": row.attempts + failure}
        avoid = row.avoid if not event.avoid or event.node_id in row.avoid else (*row.avoid, event.node_id)
        yield SEGMENTS, moved(row, envelope, **again, avoid=avoid)
    if event.kind == "inspect":
        file = view.get(INSPECTIONS, event.subject_id)
        if file is not None and file.state == "assigned":
            yield INSPECTIONS, moved(file, envelope, state="queued", attempts=file.attempts + failure)
    if event.kind == "snapshot":
        picture = view.get(SNAPSHOTS, event.subject_id)
        if picture is not None and picture.state == "assigned":
            yield SNAPSHOTS, moved(picture, envelope, state="queued", attempts=picture.attempts + failure)
    if event.kind == "assemble":
        job = view.get(JOBS, event.subject_id)
        assert job is not None, "only a job's export is assembled"
        yield JOBS, moved(job, envelope, assemble_part_id=None, assemble_attempts=job.assemble_attempts + failure)


def segment_verified(event: SegmentVerified, envelope: Envelope, view: View) -> Rows:
    """The segment's bytes are those of this epoch from now on; jobs are further, and its part may be over."""
    row = view.get(SEGMENTS, event.key)
    assert row is not None, "only a planned segment is verified"
    names = ("object_key", "sha256", "bytes", "difference", "seconds", "degraded", "node_id", "epoch")
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


def job_completed(event: JobCompleted, envelope: Envelope, view: View) -> Rows:
    """The job and its export."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "only a submitted job completes"
    yield JOBS, moved(job, envelope, state="completed", frames_done=job.frames_total)
    names = ("job_id", "object_key", "sha256", "bytes", "frames", "duration", "packets_sha256", "degraded")
    yield EXPORTS, fresh(EXPORTS, envelope, {name: getattr(event, name) for name in names})


def inspection_ended(event: InspectionEnded, envelope: Envelope, view: View) -> Rows:
    """The finding; a usable file is remembered by its content, the first of equal ones.

    One that nobody knew how to use was not kept: where a later release knows, the file that was sent anew stands for it.
    """
    file = view.get(INSPECTIONS, event.file_id)
    assert file is not None, "only a requested inspection ends"
    yield INSPECTIONS, moved(file, envelope, state="ended", code=event.code, detail=event.detail)
    if event.code or ((known := view.get(FILES, event.sha256)) is not None and known.kind != "unknown"):
        return
    values = {name: getattr(event, name) for name in ("sha256", "file_id", "kind", "bytes", "object_key")}
    yield FILES, fresh(FILES, envelope, values) if known is None else moved(known, envelope, **values)


def node_steered(event: NodeSteered, envelope: Envelope, view: View) -> Rows:
    """Whether the node gets work; one that is opened starts without suspicions."""
    node = view.get(NODES, event.node_id)
    assert node is not None, "only a registered node is steered"
    suspects = () if event.service == "open" else node.suspects
    values = {"service": event.service, "service_reason": event.reason, "service_until": event.until, "set_asides": event.set_asides}
    yield NODES, moved(node, envelope, **values, suspects=suspects)


def template_crashed(event: TemplateCrashed, envelope: Envelope, view: View) -> Rows:
    """On which nodes a template ended engines, each once."""
    row = view.get(TEMPLATES, event.template)
    if row is None:
        yield TEMPLATES, fresh(TEMPLATES, envelope, {"template": event.template, "crashed_on": (event.node_id,)})
    elif event.node_id not in row.crashed_on:
        yield TEMPLATES, moved(row, envelope, crashed_on=(*row.crashed_on, event.node_id))
