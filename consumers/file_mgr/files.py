"""Files: usable once a node has opened them."""

from typing import get_args

from consumers.runtime.domain import Context, Decision
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import carry
from contracts.envelope import Envelope
from contracts.file_mgr import files
from contracts.file_mgr.files import DiscardFile, FileDiscarded, FileKind, FileReady, FileRejected, JudgeFile
from contracts.message import Command
from contracts.render.inspections import InspectionEnded

FILES = Table.of(files.FILES)
UNKNOWN = "the file is no template (Lottie, .lottie, zip), picture, sound, film or font that can be used here; choose another file"


def on_inspected(event: InspectionEnded, envelope: Envelope) -> list[Command]:
    """A node's finding becomes the file's judgement."""
    return [carry(JudgeFile, event, kind=event.kind)]


def judge(cmd: JudgeFile, view: View, ctx: Context) -> Decision:
    """Accept a file with its facts, or reject it with the reason."""
    file = view.get(FILES, cmd.file_id)
    if file is None or file.state != "inspecting":
        return []
    if cmd.code:
        return [FileRejected(file_id=file.file_id, code=cmd.code, detail=cmd.detail)]
    if cmd.kind == "unknown" or cmd.kind not in get_args(FileKind):  # it comes from a node, which may say anything
        return [FileRejected(file_id=file.file_id, code="file.unknown_kind", detail=UNKNOWN)]
    return [carry(FileReady, cmd, bytes=file.bytes)]


def on_rejected(event: FileRejected, envelope: Envelope) -> list[Command]:
    """What cannot be used is not kept."""
    return [DiscardFile(file_id=event.file_id)]


def discard(cmd: DiscardFile, view: View, ctx: Context) -> Decision:
    """Have a rejected file's object removed, once."""
    file = view.get(FILES, cmd.file_id)
    if file is None or file.state != "rejected" or not file.object_key:
        return []
    return [FileDiscarded(file_id=file.file_id, removed=file.object_key)]
