"""Files: usable once a node has opened them."""

from consumers.file_mgr.rows import FILES
from consumers.runtime.domain import Context, Decision
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.file_mgr import DiscardFile, FileDiscarded, FileReady, FileRejected, JudgeFile
from contracts.message import Command
from contracts.render import InspectionEnded

UNKNOWN = "the file is no template (Lottie, .lottie, zip), picture, sound, film or font that can be used here; choose another file"


def on_inspected(event: InspectionEnded, envelope: Envelope) -> list[Command]:
    """A node's finding becomes the file's judgement."""
    names = ("file_id", "kind", "sha256", "width", "height", "duration", "scan_key", "code", "detail")
    return [JudgeFile(**{name: getattr(event, name) for name in names})]


def judge(cmd: JudgeFile, view: View, ctx: Context) -> Decision:
    """Accept a file with its facts, or reject it with the reason."""
    file = view.get(FILES, cmd.file_id)
    if file is None or file.state != "inspecting":
        return []
    if cmd.code:
        return [FileRejected(file_id=file.file_id, code=cmd.code, detail=cmd.detail)]
    if cmd.kind == "unknown":
        return [FileRejected(file_id=file.file_id, code="file.unknown_kind", detail=UNKNOWN)]
    ready = FileReady(
        file_id=file.file_id,
        kind=cmd.kind,
        sha256=cmd.sha256,
        bytes=file.bytes,
        width=cmd.width,
        height=cmd.height,
        duration=cmd.duration,
        scan_key=cmd.scan_key,
    )
    return [ready]


def on_rejected(event: FileRejected, envelope: Envelope) -> list[Command]:
    """What cannot be used is not kept."""
    return [DiscardFile(file_id=event.file_id)]


def discard(cmd: DiscardFile, view: View, ctx: Context) -> Decision:
    """Have a rejected file's object removed, once."""
    file = view.get(FILES, cmd.file_id)
    if file is None or file.state != "rejected" or not file.object_key:
        return []
    return [FileDiscarded(file_id=file.file_id, removed=file.object_key)]
