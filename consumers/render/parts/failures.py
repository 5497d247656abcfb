"""Failures: what a node could not do is recorded, tried elsewhere by its class, or ends what it was for with the reason."""

import msgspec
from msgspec.structs import replace

from consumers.render.kinds import KINDS
from consumers.render.kinds.exports import MISSING
from consumers.render.leases.kind import Failure, Kind
from consumers.render.leases.lease import ended, held
from consumers.render.leases.object_keys import without_places
from consumers.render.leases.reporting_node import reporting_node
from consumers.render.nodes.fault_attribution import KILLED, SET_ASIDE, attribute, message_of
from consumers.runtime.domain import Context, Decision, ForPlatform, Refusal
from consumers.runtime.state import View
from contracts.message import Event
from contracts.node import ReportCrash, ReportFailure
from contracts.render.nodes import NodeCrashed
from contracts.render.parts import Part, PartEnded

# What was away or full, or killed from outside, says nothing about the file, the template or the job: these may fail so often.
NOT_ITS_FAULT = {KILLED, "node.storage_away", "node.address_expired", "node.object_taken", "node.out_of_disk"}
TRIES_WITHOUT_FAULT = 10
LOG_TAIL = 4096  # characters
LONGEST_WAIT = 60.0  # seconds


class Retry(msgspec.Struct, frozen=True):
    """How work that failed is given out again."""

    elsewhere: bool = True  # another node first
    later: bool = False  # after 1, 2, 4 … 60 seconds


DEFAULT_RETRY = Retry()
RETRIES = {  # by the crash's kind, else by the failure's code
    "out_of_disk": Retry(later=True),
    "node.storage_away": Retry(later=True),
    "node.address_expired": Retry(elsewhere=False),
    "node.object_taken": Retry(elsewhere=False),
    MISSING: Retry(elsewhere=False),
    KILLED: Retry(elsewhere=False),
}


def report_failure(cmd: ReportFailure, view: View, ctx: Context) -> Decision:
    """End the part; what failed goes elsewhere, or what it was for fails with the reason."""
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    cmd = replace(cmd, detail=without_places(cmd.detail))
    kind = KINDS[part.kind]
    attempts = kind.attempts(part, view)
    end = _ended(cmd, part, attempts, view)
    found = attribute(cmd, part, kind.templates, view, ctx)
    failure = Failure(
        report=cmd,
        part=part,
        attempts=attempts,
        is_hopeless=bool(found.reason) or not _retryable(cmd),
        is_exhausted=attempts + 1 >= _tries(cmd, kind),
        code=SET_ASIDE if found.reason else cmd.code,
        detail=message_of(cmd.template, found.reason) if found.reason else cmd.detail,
        field="" if found.reason else cmd.field,
    )
    events: list[Event | ForPlatform] = [*crash_of(cmd, part, ctx), end, *found.events]
    return [*events, *kind.failed(failure, view, ctx)]


def _tries(cmd: ReportFailure, kind: Kind) -> int:
    if cmd.code in NOT_ITS_FAULT:
        return TRIES_WITHOUT_FAULT
    return kind.tries if cmd.crash is None else kind.tries_after.get(cmd.crash, kind.tries)


def _ended(cmd: ReportFailure, part: Part, attempts: int, view: View) -> PartEnded:
    end = ended(part, view, "failed", f"{cmd.code}: {cmd.detail}")
    if not _retryable(cmd):
        return end
    retry = RETRIES.get(cmd.code) or RETRIES.get(cmd.crash or "", DEFAULT_RETRY)
    wait = min(2.0 ** min(attempts, 10), LONGEST_WAIT) if retry.later else 0.0
    return replace(end, avoid=retry.elsewhere, retry_after=wait)


def _retryable(cmd: ReportFailure) -> bool:
    return cmd.crash is not None or cmd.code.startswith("node.")


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
