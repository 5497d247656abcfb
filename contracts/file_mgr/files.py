"""Files: what came of an upload, judged by what an inspection found."""

from typing import Literal
from uuid import UUID

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message
from contracts.visibility import Internal, Public

FileKind = Literal["template", "picture", "audio", "video", "font", "unknown"]
FileState = Literal["inspecting", "ready", "rejected"]


class File(Row, frozen=True, kw_only=True):
    """A stored file and what its inspection found."""

    file_id: Public[UUID]
    upload_id: Internal[UUID]
    name: Public[str]
    bytes: Public[int]
    media_type: Public[str]
    object_key: ObjectKey  # empty once a rejected file's object is removed
    state: Public[FileState] = "inspecting"
    kind: Public[FileKind] = "unknown"
    sha256: Public[str] = ""  # while it is inspected: as it was announced
    width: Public[int] = 0
    height: Public[int] = 0
    duration: Public[float] = 0.0
    scan_key: ObjectKey = ""
    code: Public[str] = ""
    detail: Public[str] = ""


FILES = Entity("file_mgr.files", File, key=("file_id",), about="files with what their inspection found")


@message("file_mgr.file.store")
class StoreFile(Command, frozen=True, kw_only=True):
    """The store joined the parts into one object."""

    upload_id: UUID
    bytes: int


@message("file_mgr.file.stored", public=True)
class FileStored(Event, frozen=True, kw_only=True):
    """A file lies in object storage and waits for its inspection."""

    file_id: Public[UUID]
    upload_id: Public[UUID]
    name: Public[str]
    bytes: Public[int]
    media_type: Public[str]
    object_key: ObjectKey
    sha256: Public[str] = ""  # as it was announced; its inspection says what it is


@message("file_mgr.file.judge")
class JudgeFile(Command, frozen=True, kw_only=True):
    """An inspection ended: accept the file with its facts, or reject it with the reason."""

    file_id: UUID
    kind: FileKind
    sha256: str = ""
    width: int = 0
    height: int = 0
    duration: float = 0.0
    scan_key: str = ""  # the object that holds a template's ScanResult
    code: str = ""  # why it is rejected; empty when accepted
    detail: str = ""


@message("file_mgr.file.ready", public=True)
class FileReady(Event, frozen=True, kw_only=True):
    """A file was opened on a node and may be used; pictures and videos in pixels, sounds in seconds."""

    file_id: Public[UUID]
    kind: Public[FileKind]
    sha256: Public[str]
    bytes: Public[int]
    width: Public[int]
    height: Public[int]
    duration: Public[float]
    scan_key: ObjectKey


@message("file_mgr.file.rejected", public=True)
class FileRejected(Event, frozen=True, kw_only=True):
    """A file cannot be used."""

    file_id: Public[UUID]
    code: Public[str]
    detail: Public[str]


@message("file_mgr.file.given_up", public=True)
class FileGivenUp(Event, frozen=True, kw_only=True):
    """A file that was announced will never come: its upload was given up."""

    file_id: Public[UUID]
    upload_id: Public[UUID]
    name: Public[str]
    bytes: Public[int]
    media_type: Public[str]
    code: Public[str]
    detail: Public[str]


@message("file_mgr.file.discard")
class DiscardFile(Command, frozen=True, kw_only=True):
    """A file was rejected: nobody reads its object any more."""

    file_id: UUID


@message("file_mgr.file.discarded")
class FileDiscarded(Event, frozen=True, kw_only=True):
    """A rejected file has no object any more: the one that it had is removed."""

    file_id: UUID
    removed: ObjectKey
