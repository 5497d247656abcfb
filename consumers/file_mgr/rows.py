"""The file_mgr domain's event tables (migrations 13 and 36)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.file_mgr import FileKind, FileState, UploadState


class Upload(Row, frozen=True, kw_only=True):
    """A multipart upload."""

    upload_id: UUID
    file_id: UUID
    name: str
    bytes: int
    media_type: str
    object_key: str
    part_bytes: int
    part_count: int
    storage_id: str = ""
    etags: tuple[str, ...] = ()
    state: UploadState = "started"
    reason: str = ""
    sha256: str = ""  # as it was announced


class File(Row, frozen=True, kw_only=True):
    """A stored file and what its inspection found."""

    file_id: UUID
    upload_id: UUID
    name: str
    bytes: int
    media_type: str
    object_key: str  # empty once a rejected file's object is removed
    state: FileState = "inspecting"
    kind: FileKind = "unknown"
    sha256: str = ""  # while it is inspected: as it was announced
    width: int = 0
    height: int = 0
    duration: float = 0.0
    scan_key: str = ""
    code: str = ""
    detail: str = ""


UPLOADS = Table("file_mgr.upload_sessions", Upload, ("upload_id",))
FILES = Table("file_mgr.files", File, ("file_id",))
