"""Failures: what a node could not do is recorded, tried elsewhere by its class, or ends the job with the reason."""

from uuid import UUID

from consumers.render.inspections import rejected
from consumers.render.jobs import ended, failed
from consumers.render.parts import held
from consumers.render.rows import ACTIVE, INSPECTIONS, JOBS, SEGMENTS, Job, Part
from consumers.runtime.domain import Context, Decision, ForPlatform, Refusal
from consumers.runtime.state import View
from contracts.message import Event
from contracts.node import ReportCrash, ReportFailure
from contracts.farm import NodeCrashed

INSPECTION_ATTEMPTS = 3
# Failures of one segment, the last of them its engine's, before its jobs fail; a node tries as it is and without expressions each time.
ENGINE_ATTEMPTS = {"engine_hang": 1, "engine_crash": 2, "out_of_memory": 2}
NODE_ATTEMPTS = 10  # the same where the last was the node's, its disk's or its network's
ASSEMBLE_ATTEMPTS = 3
KILLED = "node.engine_killed"  # somebody ended the engine from outside: the template is not to blame
LOG_TAIL = 4096  # characters


def report_failure(cmd: ReportFailure, view: View, ctx: Context) -> Decision:
    """End the part; what failed goes elsewhere, or its job fails with the reason."""
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    end = ended(part, view, "failed", f"{cmd.code}: {cmd.detail}")
    events: list[Event | ForPlatform] = [*crash_of(cmd, part, ctx), end]
    if part.kind == "inspect":
        return events + _inspection(cmd, part, view)
    job = view.get(JOBS, part.subject_id)
    if job is None or job.state not in ACTIVE:
        return events
    if not _retryable(cmd) or _exhausted(cmd, part, job, view):
        others = [event for event in failed(job, view, cmd.code, cmd.detail, cmd.field) if getattr(event, "part_id", None) != part.part_id]
        events += others
    return events


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
        node_id=UUID(ctx.envelope.actor.removeprefix("node:")),
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
    if file is None or (_retryable(cmd) and file.attempts + 1 < INSPECTION_ATTEMPTS):
        return []
    return [rejected(file, cmd.code, cmd.detail)]


def _retryable(cmd: ReportFailure) -> bool:
    return cmd.crash is not None or cmd.code.startswith("node.")


def _exhausted(cmd: ReportFailure, part: Part, job: Job, view: View) -> bool:
    if part.kind == "assemble":
        return job.assemble_attempts + 1 >= ASSEMBLE_ATTEMPTS
    rows = view.many(SEGMENTS, [(key,) for key in part.keys])
    most = NODE_ATTEMPTS if cmd.code == KILLED else ENGINE_ATTEMPTS.get(cmd.crash or "", NODE_ATTEMPTS)
    return any(row is not None and row.state == "drawing" and row.attempts + 1 >= most for row in rows)
