"""Kind inspect: an uploaded file is opened on a node, in a limited process, and judged by what was found."""

from collections.abc import Sequence
from typing import get_args

import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.render.kinds.short_work import short_kind
from consumers.render.leases.kind import Failure, Queue, Rows
from consumers.render.leases.lease import ended, held, misplaced
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, read_rows
from consumers.render.leases.manifests import LIVES, result_address
from consumers.render.leases.object_keys import scan_object_key, without_places
from consumers.runtime.domain import Context, Decision, Refusal, clipped, refuse
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.runtime.tools import Ask
from contracts.envelope import Envelope
from contracts.file_mgr.files import FileKind, FileStored
from contracts.message import Command
from contracts.node import Manifest, ReportInspection
from contracts.render import inspections
from contracts.render.inspections import Inspection, InspectionEnded, InspectionRequested, RequestInspection
from contracts.render.parts import Part

INSPECTIONS, FILES = Table.of(inspections.INSPECTIONS), Table.of(inspections.FILES)

_q = sql.load("render")


def on_file_stored(event: FileStored, envelope: object) -> list[Command]:
    """Every stored file is opened before anyone may use it."""
    names = ("file_id", "name", "bytes", "object_key", "sha256")
    return [RequestInspection(**{name: getattr(event, name) for name in names})]


def request(cmd: RequestInspection, view: View, ctx: Context) -> Decision:
    """Queue a file for a node."""
    if view.get(INSPECTIONS, cmd.file_id) is not None:
        return []
    return [InspectionRequested(**msgspec.structs.asdict(cmd))]


def report(cmd: ReportInspection, view: View, ctx: Context) -> Decision:
    """Take a node's findings."""
    part = held(cmd.part_id, cmd.epoch, view, ctx, KIND.name)
    if isinstance(part, Refusal):
        return part
    file = view.get(INSPECTIONS, part.subject_id)
    if file is None:
        return refuse("render.not_waiting", f"part {part.part_id} is of no inspection")
    if cmd.scan_key and (refusal := misplaced(cmd.scan_key, scan_object_key(part.tenant_id, file.file_id, part.part_id), cmd.sha256)):
        return refusal
    code, detail = cmd.code, without_places(cmd.detail)
    known = cmd.kind in get_args(FileKind)  # a node may say anything
    if not code and not known:
        code, detail = (
            "file.unknown_kind",
            f"its node says it is of kind {clipped(cmd.kind)!r}, which there is not; send the file again",
        )
    if not code and file.sha256 not in ("", cmd.sha256):  # said here: what ends without a code stands for its bytes from then on
        code, detail = "file.sha256", f"its bytes have the SHA-256 {cmd.sha256}, {file.sha256} was announced; send the file again"
    finding = InspectionEnded(
        file_id=file.file_id,
        kind=cmd.kind if known else "unknown",
        sha256=cmd.sha256,
        bytes=cmd.bytes or file.bytes,
        object_key=file.object_key,
        width=cmd.width,
        height=cmd.height,
        duration=cmd.duration,
        scan_key=cmd.scan_key,
        code=code,
        detail=detail,
    )
    return [finding, ended(part, view, "done")]


def _given_up(file: Inspection, failure: Failure) -> InspectionEnded:
    """The end of a file that cannot be used."""
    return InspectionEnded(
        file_id=file.file_id,
        kind="unknown",
        sha256="",
        bytes=file.bytes,
        object_key=file.object_key,
        width=0,
        height=0,
        duration=0.0,
        scan_key="",
        code=failure.code,
        detail=failure.detail,
    )


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


async def _read(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    await read_rows(ask, inputs, parts, _q.inspections, "file_id")


def manifest(inputs: ManifestInputs, part: Part, objects: ObjectStore) -> Manifest:
    """The uploaded file, and where the finding goes."""
    [row], key = inputs.rows[part.part_id], scan_object_key(part.tenant_id, part.subject_id, part.part_id)
    source = objects.presign_get(row["object_key"], LIVES)
    return Manifest(source_url=source, put_url=result_address(key, inputs, part, objects), object_key=key)


KIND = short_kind(
    name="inspect",
    queue=Queue(INSPECTIONS, InspectionRequested, (InspectionEnded,)),
    given_up=_given_up,
    read=_read,
    manifest=manifest,
)
