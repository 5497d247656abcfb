"""Kind snapshot: one frame of a scene is drawn as a picture, once for each question."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.render.jobs.warnings import noticed
from consumers.render.kinds.short_work import short_kind
from consumers.render.leases.kind import Failure, Queue, Results
from consumers.render.leases.lease import LARGEST_OBJECT, ended, held, misplaced
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, named_by, read_rows, ref
from consumers.render.leases.manifests import file_addresses, result_address, with_look
from consumers.render.leases.object_keys import snapshot_object_key
from consumers.render.nodes.fault_attribution import SET_ASIDE, message_of
from consumers.render.nodes.node_control import TEMPLATES
from consumers.render.repairs.object_checks import found_sha256, in_words
from consumers.runtime.domain import Context, Decision, Refusal, clipped, refuse
from consumers.runtime.effects.declared import Call, EffectKind
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.runtime.tools import Ask, Tools
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.node import Manifest, ReportSnapshot, SceneTask
from contracts.render import snapshots
from contracts.render.parts import Part
from contracts.render.snapshots import QueueSnapshot, ReportSpoilt, Snapshot, SnapshotDrawn, SnapshotFailed, SnapshotQueued
from contracts.spec import RenderSpec
from contracts.studio.snapshots import SnapshotRequested

SNAPSHOTS = Table.of(snapshots.SNAPSHOTS)

SPOILT = "snapshot.spoilt"
_q = sql.load("render")


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
        detail = message_of(template.template, template.reason)
        return [queued, SnapshotFailed(snapshot_id=cmd.snapshot_id, code=SET_ASIDE, detail=detail)]
    return [queued]


def report(cmd: ReportSnapshot, view: View, ctx: Context) -> Decision:
    """Take a node's picture."""
    part = held(cmd.part_id, cmd.epoch, view, ctx, KIND.name)
    if isinstance(part, Refusal):
        return part
    row = view.get(SNAPSHOTS, part.subject_id)
    if row is None:
        return refuse("render.not_waiting", f"part {part.part_id} is of no snapshot")
    if refusal := misplaced(cmd.object_key, snapshot_object_key(part.tenant_id, row.snapshot_id, part.epoch, part.part_id), cmd.sha256):
        return refusal
    if not 1 <= cmd.bytes <= LARGEST_OBJECT:
        return refuse("render.out_of_bounds", f"bytes must be 1 to {LARGEST_OBJECT}, the report says {cmd.bytes}", "bytes")
    drawn = SnapshotDrawn(
        snapshot_id=row.snapshot_id,
        object_key=cmd.object_key,
        sha256=cmd.sha256,
        bytes=cmd.bytes,
        degraded=cmd.degraded,
        warnings=noticed(cmd.warnings),
    )
    return [drawn, ended(part, view, "done")]


def report_spoilt(cmd: ReportSpoilt, view: View, ctx: Context) -> Decision:
    """A picture whose object is not what was drawn is shown to nobody; who asks for it again has it drawn anew."""
    row = view.get(SNAPSHOTS, cmd.snapshot_id)
    if row is None or row.state != "done" or row.object_key != cmd.object_key:
        return []
    detail = f"{clipped(cmd.found)}; the SHA-256 {row.sha256} was reported. Ask for the picture again, and it is drawn anew"
    return [SnapshotFailed(snapshot_id=row.snapshot_id, code=SPOILT, detail=detail)]


def _given_up(row: Snapshot, failure: Failure) -> SnapshotFailed:
    return SnapshotFailed(snapshot_id=row.snapshot_id, code=failure.code, detail=failure.detail, field=failure.field)


def _templates(part: Part, view: View) -> Iterable[str]:
    row = view.get(SNAPSHOTS, part.subject_id)
    return [scene.bundle for scene in row.spec.scenes] if row is not None else ()


class LookAtPicture(msgspec.Struct, frozen=True):
    """See whether a snapshot is what was told."""

    snapshot_id: UUID
    object_key: str
    sha256: str


def on_drawn(event: SnapshotDrawn, envelope: Envelope) -> Iterable[LookAtPicture]:
    """That a node delivered a picture is its word: whether it is there is asked of the store."""
    yield LookAtPicture(event.snapshot_id, event.object_key, event.sha256)


async def look_at_picture(effect: LookAtPicture, call: Call, tools: Tools) -> list[Command]:
    """Tell the domain of a picture that is not there, or is not what was told."""
    found = await found_sha256(tools.objects, effect.object_key)
    return [] if found == effect.sha256 else [_spoilt(str(effect.snapshot_id), effect.object_key, found)]


def _spoilt(name: str, object_key: str, found: str) -> Command:
    return ReportSpoilt(snapshot_id=UUID(name), object_key=object_key, found=in_words(found))


async def _read(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    await read_rows(ask, inputs, parts, _q.snapshots, "snapshot_id")
    for part in parts:
        for row in inputs.rows[part.part_id]:
            inputs.specs[ref(part)] = msgspec.json.decode(row["spec"], type=RenderSpec)


def _files(inputs: ManifestInputs, part: Part) -> set[str]:
    spec = inputs.spec(part)
    return {sha for scene in spec.scenes for sha in named_by(scene)} | set(spec.fonts)


def manifest(inputs: ManifestInputs, part: Part, objects: ObjectStore) -> Manifest:
    """The scene and its frame, and where the picture goes."""
    spec, [row] = inputs.spec(part), inputs.rows[part.part_id]
    key = snapshot_object_key(part.tenant_id, part.subject_id, part.epoch, part.part_id)
    return with_look(
        spec,
        files=file_addresses(inputs, part, objects),
        fonts=spec.fonts,
        scenes=tuple(SceneTask(spec=scene, frame_offset=0, segments=()) for scene in spec.scenes),
        frame=row["frame"],
        put_url=result_address(key, inputs, part, objects),
        object_key=key,
    )


EFFECTS = (EffectKind(name="look_at_picture", payload=LookAtPicture, run=look_at_picture, lane="bulk"),)
KIND = short_kind(
    name="snapshot",
    queue=Queue(SNAPSHOTS, SnapshotQueued, (SnapshotDrawn, SnapshotFailed)),
    given_up=_given_up,
    templates=_templates,
    read=_read,
    files=_files,
    manifest=manifest,
    results=Results(
        name="snapshot",
        following=_q.next_stored_snapshot,
        first=str(UUID(int=0)),
        spoilt=_spoilt,
        becomes="is drawn when it is asked for again",
    ),
)
