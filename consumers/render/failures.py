"""Failures: what a node could not do is recorded, tried elsewhere by its class, or ends the job with the reason."""

import msgspec
from msgspec.structs import replace

from consumers.render.blame import KILLED, SET_ASIDE, Blame, blame, told
from consumers.render.inspections import rejected
from consumers.render.jobs import failed
from consumers.render.leases import ended, ended_parts
from consumers.render.mending import given_up
from consumers.render.parts import held, open_repairs
from consumers.render.repairs import rotten
from consumers.render.reporter import reporting_node
from consumers.render.rows import ACTIVE, INSPECTIONS, JOB_SEGMENTS, JOBS, SEGMENTS, Job, Part, Segment
from consumers.render.snapshot_rows import WAITING
from consumers.runtime.domain import Context, Decision, ForPlatform, Refusal
from consumers.runtime.state import View
from contracts.farm import NodeCrashed
from contracts.message import Event
from contracts.node import ReportCrash, ReportFailure
from contracts.render import PartEnded
from contracts.repair import RepairCause
from contracts.snapshot import SnapshotFailed

SHORT_ATTEMPTS = 3  # of an inspection or a snapshot
# Failures of one segment, the last of them its engine's, before its jobs fail; a node tries as it is and without expressions each time.
ENGINE_ATTEMPTS = {"engine_hang": 2, "engine_crash": 2, "out_of_memory": 2}
NODE_ATTEMPTS = 10  # the same where the last was the node's, its disk's or its network's
ASSEMBLE_ATTEMPTS = 3
# Assemblies of a job that may fail by a segment: each has the segment drawn again, which a node that lies must not do for ever.
MOST_CLAIMS = 20
MISSING = "node.object_missing"
# What was away or full, or killed from outside, says nothing about the file, the template or the job.
NOBODYS = {KILLED, "node.storage_away", "node.address_expired", "node.object_taken", "node.out_of_disk"}
LOG_TAIL = 4096  # characters
LONGEST_WAIT = 60.0  # seconds


class Retry(msgspec.Struct, frozen=True):
    """How work that failed is given out again."""

    elsewhere: bool = True  # another node first
    later: bool = False  # after 1, 2, 4 … 60 seconds


OTHERWISE = Retry()
RETRIES = {  # by the crash's kind, else by the failure's code
    "out_of_disk": Retry(later=True),
    "node.storage_away": Retry(later=True),
    "node.address_expired": Retry(elsewhere=False),
    "node.object_taken": Retry(elsewhere=False),
    MISSING: Retry(elsewhere=False),
    KILLED: Retry(elsewhere=False),
}


def report_failure(cmd: ReportFailure, view: View, ctx: Context) -> Decision:
    """End the part; what failed goes elsewhere, or its job fails with the reason."""
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    end = _ended(cmd, part, view)
    found = blame(cmd, part, view, ctx)
    events: list[Event | ForPlatform] = [*crash_of(cmd, part, ctx), end, *found.events]
    if part.kind == "inspect":
        return events + _inspection(cmd, part, view)
    if part.kind == "snapshot":
        return events + _snapshot(cmd, part, found, view)
    job = view.get(JOBS, part.subject_id)
    if job is None:
        return events
    if (segment := _claimed(cmd, part, job, view)) is not None:
        reason = f"found when the export was joined: {cmd.detail}"
        cause: RepairCause = "missing" if cmd.code == MISSING else "rot"
        return [*events, *rotten(segment, cause, reason, view, ctx, joined=part.part_id)]
    if job.state not in ACTIVE:
        return [*events, *_repairs_failed(cmd, part, job, found, view)]
    code, detail, field = cmd.code, cmd.detail, cmd.field
    if found.reason:
        code, detail, field = SET_ASIDE, told(cmd.template, found.reason), ""
    if found.reason or not _retryable(cmd) or _exhausted(cmd, part, view):
        events += failed(job, view, code, detail, field, besides=part.part_id)
    return events


def _claimed(cmd: ReportFailure, part: Part, job: Job, view: View) -> Segment | None:
    """The segment that an assembly found damaged or gone, if it is one that the job was to be joined of."""
    waits = job.state == "assembling" or any(repair.state == "assembling" for repair in open_repairs(job, view))
    if part.kind != "assemble" or not cmd.segment or not waits or job.assemble_attempts >= MOST_CLAIMS:
        return None
    used = any(place.job_id == job.job_id for place in view.where(JOB_SEGMENTS, segment_key=cmd.segment))
    row = view.get(SEGMENTS, cmd.segment)
    return row if used and row is not None and row.state == "done" else None


def _repairs_failed(cmd: ReportFailure, part: Part, job: Job, found: Blame, view: View) -> list[Event]:
    """The end of those repairs of an ended job for which this was the last attempt."""
    repairs = open_repairs(job, view)
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    concerned = {row.repair_id for row in rows if row is not None and row.state == "drawing" and row.part_id == part.part_id}
    if part.kind == "assemble":
        concerned = {repair.repair_id for repair in repairs if repair.state == "assembling"}
        before = max((repair.failures for repair in repairs if repair.state == "assembling"), default=0)
        over = _attempts(part, view) + 1 - before >= ASSEMBLE_ATTEMPTS
    else:
        over = _exhausted(cmd, part, view)
    only = [repair.repair_id for repair in repairs if repair.repair_id in concerned]
    if not only or not (found.reason or not _retryable(cmd) or over):
        return []
    code, detail = (SET_ASIDE, told(cmd.template, found.reason)) if found.reason else (cmd.code, cmd.detail)
    return [
        *ended_parts(job.job_id, view, "cancelled", besides=part.part_id),
        *given_up(job.job_id, view, "failed", code, detail, only=only),
    ]


def _ended(cmd: ReportFailure, part: Part, view: View) -> PartEnded:
    end = ended(part, view, "failed", f"{cmd.code}: {cmd.detail}")
    if not _retryable(cmd):
        return end
    retry = RETRIES.get(cmd.code) or RETRIES.get(cmd.crash or "", OTHERWISE)
    wait = min(2.0 ** min(_attempts(part, view), 10), LONGEST_WAIT) if retry.later else 0.0
    return replace(end, avoid=retry.elsewhere, retry_after=wait)


def _attempts(part: Part, view: View) -> int:
    """Failures of this work before this one."""
    if (table := WAITING.get(part.kind)) is not None:
        row = view.get(table, part.subject_id)
        return row.attempts if row else 0
    if part.kind == "assemble":
        job = view.get(JOBS, part.subject_id)
        return job.assemble_attempts if job else 0
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    return max((row.attempts for row in rows if row is not None and row.state == "drawing"), default=0)


def report_crash(cmd: ReportCrash, view: View, ctx: Context) -> Decision:
    """Record what died while its part goes on; the lease stays as it is."""
    part = None
    if cmd.part_id is not None:
        found = held(cmd.part_id, cmd.epoch, view, ctx)
        if isinstance(found, Refusal):
            return found
        part = found
    crashed = NodeCrashed(
        crash_id=ctx.id("crash"),
        node_id=reporting_node(ctx.envelope.actor),
        kind=cmd.kind,
        part_id=cmd.part_id,
        subject_id=part.subject_id if part else None,
        template=cmd.template,
        signal=cmd.signal,
        exit_code=cmd.exit_code,
        last_frame=cmd.last_frame,
        log_tail=cmd.log_tail[-LOG_TAIL:],
    )
    return [ForPlatform(crashed)]


def crash_of(cmd: ReportFailure, part: Part, ctx: Context) -> list[ForPlatform]:
    """The crash to be recorded, where something died."""
    if cmd.crash is None:
        return []
    crashed = NodeCrashed(
        crash_id=ctx.id("crash"),
        node_id=part.node_id,
        kind=cmd.crash,
        part_id=part.part_id,
        subject_id=part.subject_id,
        template=cmd.template,
        signal=cmd.signal,
        exit_code=cmd.exit_code,
        last_frame=cmd.last_frame,
        log_tail=cmd.log_tail[-LOG_TAIL:],
    )
    return [ForPlatform(crashed)]


def _inspection(cmd: ReportFailure, part: Part, view: View) -> list[Event | ForPlatform]:
    file = view.get(INSPECTIONS, part.subject_id)
    if file is None or (_retryable(cmd) and not _exhausted(cmd, part, view)):
        return []
    return [rejected(file, cmd.code, cmd.detail)]


def _snapshot(cmd: ReportFailure, part: Part, found: Blame, view: View) -> list[Event | ForPlatform]:
    if found.reason:
        return [SnapshotFailed(snapshot_id=part.subject_id, code=SET_ASIDE, detail=told(cmd.template, found.reason))]
    if _retryable(cmd) and not _exhausted(cmd, part, view):
        return []
    return [SnapshotFailed(snapshot_id=part.subject_id, code=cmd.code, detail=cmd.detail, field=cmd.field)]


def _retryable(cmd: ReportFailure) -> bool:
    return cmd.crash is not None or cmd.code.startswith("node.")


def _exhausted(cmd: ReportFailure, part: Part, view: View) -> bool:
    if cmd.code in NOBODYS:
        most = NODE_ATTEMPTS
    elif part.kind == "render":
        most = ENGINE_ATTEMPTS.get(cmd.crash or "", NODE_ATTEMPTS)
    else:
        most = ASSEMBLE_ATTEMPTS if part.kind == "assemble" else SHORT_ATTEMPTS
    return _attempts(part, view) + 1 >= most
