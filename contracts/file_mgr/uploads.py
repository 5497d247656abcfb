"""Uploads: a file on its way to storage."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message
from contracts.visibility import Internal, Public

UploadState = Literal["started", "open", "completing", "stored", "aborted"]
FileName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^(?=[^\n]*\S)[^/\u0000-\u001f\u007f-\u009f]*$(?!\n)",
        extra={"must": "must have 1 to 255 characters, not only blanks, no slash and no control characters"},
    ),
]
MOST_BYTES = 2 * 2**30  # of a file, as many as a node takes to inspect
FileBytes = Annotated[int, Meta(ge=1, le=MOST_BYTES)]
MediaType = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=100,
        pattern=r"^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+( *;[\x20-\x7e]*)?$(?!\n)",
        extra={"must": "must be written like image/png, with at most 100 characters"},
    ),
]
MaybeSha256 = Annotated[
    str,
    Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)", extra={"must": "must have 64 hex digits in lower case; leave it out where it is not known"}),
]
ETag = Annotated[
    str, Meta(pattern=r"^[\x20-\x7e]{1,100}$(?!\n)", extra={"must": "must be the ETag header of the store's answer to the part"})
]


class UploadAnswer(Struct, frozen=True, kw_only=True):
    """An announced file: its parts' addresses stand at the upload once it is open."""

    upload_id: UUID
    file_id: UUID
    part_bytes: int
    part_count: int


class UploadCompleteAnswer(Struct, frozen=True, kw_only=True):
    """The file that becomes of an upload."""

    upload_id: UUID
    file_id: UUID


class UploadStateAnswer(Struct, frozen=True, kw_only=True):
    """What became of an upload."""

    upload_id: UUID
    state: UploadState


class Upload(Row, frozen=True, kw_only=True):
    """A multipart upload."""

    upload_id: Public[UUID]
    file_id: Public[UUID]
    name: Public[str]
    bytes: Public[Annotated[int, Meta(gt=0)]]
    media_type: Public[str]
    object_key: ObjectKey
    part_bytes: Public[int]
    part_count: Public[int]
    storage_id: Internal[str] = ""
    etags: Internal[tuple[str, ...]] = ()
    state: Public[UploadState] = "started"
    reason: Public[str] = ""
    sha256: Public[str] = ""  # as it was announced


UPLOADS = Entity(
    "file_mgr.upload_sessions", Upload, key=("upload_id",), about="multipart uploads, straight to object storage", view="uploads"
)


@message("file_mgr.upload.start")
class StartUpload(Command[UploadAnswer], frozen=True, kw_only=True):
    """Announce a file; the answer names the upload and its parts."""

    name: FileName
    bytes: FileBytes
    media_type: MediaType = "application/octet-stream"
    sha256: MaybeSha256 = ""  # of the file's bytes, 64 hex digits, where it is known: then no other file is taken


@message("file_mgr.upload.started", public=True)
class UploadStarted(Event, frozen=True, kw_only=True):
    """An upload was announced; object storage is being asked for a multipart upload."""

    upload_id: Public[UUID]
    file_id: Public[UUID]
    name: Public[str]
    bytes: Public[int]
    media_type: Public[str]
    object_key: ObjectKey
    part_bytes: Public[int]
    part_count: Public[int]
    sha256: Public[str] = ""  # as it was announced


@message("file_mgr.upload.open")
class OpenUpload(Command, frozen=True, kw_only=True):
    """Object storage is ready to take the parts."""

    upload_id: UUID
    storage_id: str  # the multipart upload's id at the store


@message("file_mgr.upload.opened", public=True)
class UploadOpened(Event, frozen=True, kw_only=True):
    """Parts may be sent to the addresses that GET /v1/uploads/{id} gives."""

    upload_id: Public[UUID]
    storage_id: Internal[str]


@message("file_mgr.upload.complete")
class CompleteUpload(Command[UploadCompleteAnswer], frozen=True, kw_only=True):
    """All parts were sent; `etags` are the store's answers in order of the parts."""

    upload_id: UUID
    etags: tuple[ETag, ...]


@message("file_mgr.upload.completed", public=True)
class UploadCompleted(Event, frozen=True, kw_only=True):
    """The parts are being joined by the store."""

    upload_id: Public[UUID]
    etags: Public[tuple[str, ...]]


@message("file_mgr.upload.abort")
class AbortUpload(Command[UploadStateAnswer], frozen=True, kw_only=True):
    """Give an upload up; its parts are removed."""

    upload_id: UUID


@message("file_mgr.upload.aborted", public=True)
class UploadAborted(Event, frozen=True, kw_only=True):
    """An upload was given up, or nobody completed it in time."""

    upload_id: Public[UUID]
    file_id: Public[UUID]
    reason: Public[str]


@message("file_mgr.upload.fail")
class FailUpload(Command, frozen=True, kw_only=True):
    """The store refused to open or join an upload."""

    upload_id: UUID
    reason: str
