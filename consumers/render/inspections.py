"""Inspections: an uploaded file is opened on a node, in a limited process, and judged by what was found."""

import msgspec

from consumers.render.leases import ended
from consumers.render.parts import elsewhere, held
from consumers.render.places import scan_place
from consumers.render.rows import INSPECTIONS, Inspection
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.state import View
from contracts.file_mgr import FileStored
from contracts.message import Command
from contracts.node import ReportInspection
from contracts.render import InspectionEnded, InspectionRequested, RequestInspection


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
    part = held(cmd.part_id, cmd.epoch, view, ctx)
    if isinstance(part, Refusal):
        return part
    file = view.get(INSPECTIONS, part.subject_id)
    if file is None:
        return refuse("render.not_waiting", f"part {part.part_id} is no inspection")
    if cmd.scan_key and (refusal := elsewhere(cmd.scan_key, scan_place(part.tenant_id, file.file_id, part.part_id), cmd.sha256)):
        return refusal
    code, detail = cmd.code, cmd.detail
    if not code and file.sha256 not in ("", cmd.sha256):  # said here: what ends without a code stands for its bytes from then on
        code, detail = "file.sha256", f"its bytes have the SHA-256 {cmd.sha256}, {file.sha256} was announced; send the file again"
    finding = InspectionEnded(
        file_id=file.file_id,
        kind=cmd.kind,
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


def rejected(file: Inspection, code: str, detail: str) -> InspectionEnded:
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
        code=code,
        detail=detail,
    )
