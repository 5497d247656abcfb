"""Snapshots: one frame of a scene is drawn on a node, once for each question."""

from consumers.render.blame import SET_ASIDE, told
from consumers.render.leases import ended
from consumers.render.parts import LARGEST_OBJECT, elsewhere, held
from consumers.render.places import snapshot_place
from consumers.render.rows import TEMPLATES
from consumers.render.snapshot_rows import SNAPSHOTS
from consumers.runtime.domain import Context, Decision, Refusal, clipped, refuse
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.node import ReportSnapshot
from contracts.snapshot import QueueSnapshot, ReportSpoilt, SnapshotDrawn, SnapshotFailed, SnapshotQueued
from contracts.studio import SnapshotRequested

SPOILT = "snapshot.spoilt"


def on_requested(event: SnapshotRequested, envelope: Envelope) -> list[Command]:
    """A picture that somebody asks for is drawn, unless it is there."""
    return [QueueSnapshot(snapshot_id=event.snapshot_id, cache_key=event.cache_key, spec=event.spec, frame=event.frame)]


def queue(cmd: QueueSnapshot, view: View, ctx: Context) -> Decision:
    """Take a question in; one that was asked before is answered by what is there."""
    [scene] = cmd.spec.scenes
    view.need(view.at(SNAPSHOTS, cmd.snapshot_id), view.at(TEMPLATES, scene.bundle))
    known = view.get(SNAPSHOTS, cmd.snapshot_id)
    if known is not None and known.state != "failed":
        return []
    queued = SnapshotQueued(snapshot_id=cmd.snapshot_id, cache_key=cmd.cache_key, spec=cmd.spec, frame=cmd.frame)
    template = view.get(TEMPLATES, scene.bundle)
    if template is not None and template.state == "set_aside":
        detail = told(template.template, template.reason)
        return [queued, SnapshotFailed(snapshot_id=cmd.snapshot_id, code=SET_ASIDE, detail=detail)]
    return [queued]


def report(cmd: ReportSnapshot, view: View, ctx: Context) -> Decision:
    """Take a node's picture."""
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    row = view.get(SNAPSHOTS, part.subject_id) if part.kind == "snapshot" else None
    if row is None:
        return refuse("render.not_waiting", f"part {part.part_id} is no snapshot")
    if refusal := elsewhere(cmd.object_key, snapshot_place(part.tenant_id, row.snapshot_id, part.epoch, part.part_id), cmd.sha256):
        return refusal
    if not 1 <= cmd.bytes <= LARGEST_OBJECT:
        return refuse("render.out_of_bounds", f"bytes must be 1 to {LARGEST_OBJECT}, the report says {cmd.bytes}", "bytes")
    drawn = SnapshotDrawn(snapshot_id=row.snapshot_id, object_key=cmd.object_key, sha256=cmd.sha256, bytes=cmd.bytes, degraded=cmd.degraded)
    return [drawn, ended(part, view, "done")]


def report_spoilt(cmd: ReportSpoilt, view: View, ctx: Context) -> Decision:
    """A picture whose object is not what was drawn is shown to nobody; who asks for it again has it drawn anew."""
    row = view.get(SNAPSHOTS, cmd.snapshot_id)
    if row is None or row.state != "done" or row.object_key != cmd.object_key:
        return []
    detail = f"{clipped(cmd.found)}; the SHA-256 {row.sha256} was reported. Ask for the picture again, and it is drawn anew"
    return [SnapshotFailed(snapshot_id=row.snapshot_id, code=SPOILT, detail=detail)]
