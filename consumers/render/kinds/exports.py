"""Kind assemble: a job's segments are joined, the sound is laid on, and the job has its export."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.render.jobs.job import failed as job_failed
from consumers.render.jobs.segment_consequences import open_repairs, repairs_given_up
from consumers.render.jobs.tables import JOB_SEGMENTS, JOBS
from consumers.render.leases.kind import Failure, Grant, Kind, Results, Rows
from consumers.render.leases.lease import LARGEST_OBJECT, SEGMENTS, ended, held, misplaced
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, read_rows, read_specs
from consumers.render.leases.manifests import address, file_addresses, result_address, with_look
from consumers.render.leases.object_keys import export_object_key
from consumers.render.repairs.frame_repair import rotten
from consumers.render.repairs.object_checks import found_sha256, in_words
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.effects.declared import Call, EffectKind
from consumers.runtime.projection import moved
from consumers.runtime.state import View, Want
from consumers.runtime.tools import Ask, Tools
from contracts.envelope import Envelope
from contracts.message import Command, Event
from contracts.node import Manifest, ReportExport, ReportFailure, StoredSegment
from contracts.render.jobs import ACTIVE, Job, JobCompleted
from contracts.render.parts import AssignPart, Part, PartAssigned, PartEnded
from contracts.render.repairs import ExportReplaced, Repair, RepairCause, RepairEnded, RequestRepair
from contracts.render.segments import Segment

TRIES = 3
# Assemblies of a job that may fail by a segment: each has the segment drawn again, which a node that lies must not do for ever.
MOST_CLAIMS = 20
MISSING = "node.object_missing"
_q = sql.load("render")


def _wants(cmd: AssignPart, view: View) -> Iterable[Want]:
    return (view.at(JOBS, cmd.subject_id),)


def _assign(cmd: AssignPart, view: View) -> Grant | Refusal:
    job = view.get(JOBS, cmd.subject_id)
    if job is None or job.assemble_part_id is not None or not _waits(job, open_repairs(job, view)):
        return refuse("render.not_waiting", "the job does not wait for its export")
    return Grant(job.assemble_attempts + 1)


def _waits(job: Job, repairs: Sequence[Repair]) -> bool:
    return job.state == "assembling" or any(repair.state == "assembling" for repair in repairs)


def report_export(cmd: ReportExport, view: View, ctx: Context) -> Decision:
    """Complete a job whose export has exactly its frames."""
    part = held(cmd.part_id, cmd.epoch, view, ctx, KIND.name)
    if isinstance(part, Refusal):
        return part
    job = view.get(JOBS, part.subject_id)
    repair = next((one for one in open_repairs(job, view) if one.state == "assembling"), None) if job is not None else None
    if job is None or not (job.state == "assembling" or repair):
        return refuse("render.not_waiting", "the job does not wait for an export")
    if cmd.frames != job.frames_total:
        return refuse("render.wrong_frames", f"the job has {job.frames_total} frames, the export {cmd.frames}", "frames")
    if refusal := misplaced(cmd.object_key, export_object_key(part.tenant_id, part.subject_id, part.epoch, part.part_id), cmd.sha256):
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


def _replaced(cmd: ReportExport, repair: Repair) -> list[Event]:
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


def _attempts(part: Part, view: View) -> int:
    job = view.get(JOBS, part.subject_id)
    return job.assemble_attempts if job else 0


def _failed(failure: Failure, view: View, ctx: Context) -> Sequence[Event]:
    part, report = failure.part, failure.report
    job = view.get(JOBS, part.subject_id)
    if job is None:
        return []
    repairs = open_repairs(job, view)
    if (segment := _claimed(report, job, repairs, view)) is not None:
        reason = f"found when the export was joined: {report.detail}"
        cause: RepairCause = "missing" if report.code == MISSING else "rot"
        return rotten(segment, cause, reason, view, ctx, joined=part.part_id)
    if job.state in ACTIVE:
        if not failure.is_last:
            return []
        return job_failed(job, view, failure.code, failure.detail, failure.field, besides=part.part_id)
    joining = [repair for repair in repairs if repair.state == "assembling"]
    before = max((repair.failures for repair in joining), default=0)
    if not failure.is_hopeless and failure.attempts + 1 - before < TRIES:
        return []
    return repairs_given_up(failure, job, [repair.repair_id for repair in joining], view)


def _claimed(report: ReportFailure, job: Job, repairs: Sequence[Repair], view: View) -> Segment | None:
    """The segment that was found damaged or gone, if it is one that the job was to be joined of."""
    if not report.segment or not _waits(job, repairs) or job.assemble_attempts >= MOST_CLAIMS:
        return None
    used = any(place.job_id == job.job_id for place in view.where(JOB_SEGMENTS, segment_key=report.segment))
    row = view.get(SEGMENTS, report.segment)
    return row if used and row is not None and row.state == "done" else None


def _assigned(event: PartAssigned, envelope: Envelope, view: View) -> Rows:
    job = view.get(JOBS, event.subject_id)
    assert job is not None, "only a job's export is assembled"
    yield JOBS, moved(job, envelope, assemble_part_id=event.part_id)


def _ended(event: PartEnded, envelope: Envelope, view: View) -> Rows:
    job = view.get(JOBS, event.subject_id)
    assert job is not None, "only a job's export is assembled"
    attempts = job.assemble_attempts + int(event.end == "failed")
    yield JOBS, moved(job, envelope, assemble_part_id=None, assemble_attempts=attempts)


class LookAtDelivery(msgspec.Struct, frozen=True):
    """See whether a delivered export is what was told; without a hash, whether it is there in its size."""

    job_id: UUID
    object_key: str
    bytes: int
    sha256: str = ""


def on_delivered(event: JobCompleted | ExportReplaced, envelope: Envelope) -> Iterable[LookAtDelivery]:
    """That a node delivered an export is its word: whether the file is there is asked of the store."""
    yield LookAtDelivery(event.job_id, event.object_key, event.bytes, event.sha256)


async def look_at_delivery(effect: LookAtDelivery, call: Call, tools: Tools) -> list[Command]:
    """Have an export joined anew that is not there, or is not what was told."""
    size = await tools.objects.head(effect.object_key)
    if size != effect.bytes:
        found = "is not there" if size is None else f"has {size} bytes"
        return [RequestRepair(job_id=effect.job_id, export=True, reason=f"its file {found}; {effect.bytes} bytes were reported")]
    if not effect.sha256 or await found_sha256(tools.objects, effect.object_key) == effect.sha256:
        return []
    return [RequestRepair(job_id=effect.job_id, export=True, reason="its file has other bytes than were reported")]


def _spoilt(name: str, object_key: str, found: str) -> Command:
    return RequestRepair(job_id=UUID(name), export=True, reason=in_words(found))


async def _read(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    await read_specs(ask, known, inputs, parts)
    await read_rows(ask, inputs, parts, _q.job_objects, "job_id")


def _files(inputs: ManifestInputs, part: Part) -> set[str]:
    return {track.file for track in inputs.spec(part).audio}


def manifest(inputs: ManifestInputs, part: Part, objects: ObjectStore) -> Manifest:
    """The verified segments in order, the sounds, and where the export goes."""
    spec, rows = inputs.spec(part), inputs.rows[part.part_id]
    segments = tuple(_stored(row, address(row["object_key"], inputs, objects)) for row in rows)
    key = export_object_key(part.tenant_id, part.subject_id, part.epoch, part.part_id)
    return with_look(
        spec,
        files=file_addresses(inputs, part, objects),
        segments=segments,
        audio=spec.audio,
        put_url=result_address(key, inputs, part, objects),
        object_key=key,
        degraded=any(row["degraded"] for row in rows),
    )


def _stored(row: asyncpg.Record, address: str) -> StoredSegment:
    edges = {} if row["degraded"] else {"before": row["seam_before"], "last": row["seam_last"]}
    return StoredSegment(get_url=address, sha256=row["sha256"], frames=row["frames"], key=row["segment_key"], **edges)


# Whole objects are read.
EFFECTS = (EffectKind(name="look_at_delivery", payload=LookAtDelivery, run=look_at_delivery, lane="bulk", timeout=600.0),)
KIND = Kind(
    name="assemble",
    results=Results(name="export", following=_q.next_stored_export, first=str(UUID(int=0)), spoilt=_spoilt, becomes="is joined again"),
    tries=TRIES,
    wants=_wants,
    assign=_assign,
    attempts=_attempts,
    failed=_failed,
    assigned=_assigned,
    ended=_ended,
    read=_read,
    files=_files,
    manifest=manifest,
)
