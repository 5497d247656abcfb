"""Uploads: announced, opened at the store, completed by the list of parts, or given up."""

from datetime import timedelta
from uuid import UUID

from consumers.runtime.domain import Answer, Context, Decision, DropTimer, SetTimer, refuse
from consumers.runtime.rules import missing
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import carry
from contracts.envelope import Envelope
from contracts.file_mgr import uploads
from contracts.file_mgr.files import FileGivenUp, FileStored, StoreFile
from contracts.file_mgr.uploads import (
    AbortUpload,
    CompleteUpload,
    FailUpload,
    OpenUpload,
    StartUpload,
    Upload,
    UploadAborted,
    UploadAnswer,
    UploadCompleteAnswer,
    UploadCompleted,
    UploadOpened,
    UploadStarted,
    UploadStateAnswer,
)
from contracts.message import Event

UPLOADS = Table.of(uploads.UPLOADS)
PART = 16 * 2**20  # bytes; S3 asks for at least 5 MiB for all parts but the last
LIVES = timedelta(hours=24)  # until an upload that nobody completes is given up


def start(cmd: StartUpload, view: View, ctx: Context) -> Decision[UploadAnswer]:
    """Announce a file; an effect opens the multipart upload at the store."""
    upload_id, file_id = ctx.id("upload"), ctx.id("file")
    part_bytes = PART if cmd.bytes <= 1000 * PART else -(-cmd.bytes // 1000)
    started = UploadStarted(
        upload_id=upload_id,
        file_id=file_id,
        name=cmd.name,
        bytes=cmd.bytes,
        media_type=cmd.media_type,
        object_key=f"files/{ctx.tenant}/{file_id}",
        part_bytes=part_bytes,
        part_count=-(-cmd.bytes // part_bytes),
        sha256=cmd.sha256,
    )
    body = UploadAnswer(upload_id=upload_id, file_id=file_id, part_bytes=part_bytes, part_count=started.part_count)
    return Answer([started], body)


def give_up_later(event: UploadStarted, envelope: Envelope) -> list[SetTimer]:
    """An upload that nobody completes is aborted after a day."""
    return [SetTimer(_timer(event.upload_id), envelope.time + LIVES, AbortUpload(upload_id=event.upload_id))]


def never_mind(event: UploadCompleted | UploadAborted, envelope: Envelope) -> list[DropTimer]:
    """An upload that is completed or aborted is not given up any more."""
    return [DropTimer(_timer(event.upload_id))]


def _timer(upload_id: UUID) -> str:
    return f"give up upload {upload_id}"


def opened(cmd: OpenUpload, view: View, ctx: Context) -> Decision:
    """The store takes parts now."""
    upload = view.get(UPLOADS, cmd.upload_id)
    if upload is None or upload.state != "started":
        return []
    return [UploadOpened(upload_id=cmd.upload_id, storage_id=cmd.storage_id)]


def complete(cmd: CompleteUpload, view: View, ctx: Context) -> Decision[UploadCompleteAnswer]:
    """All parts are sent; an effect has the store join them."""
    upload = view.get(UPLOADS, cmd.upload_id)
    if upload is None:
        return missing(UPLOADS, cmd.upload_id)
    body = UploadCompleteAnswer(upload_id=upload.upload_id, file_id=upload.file_id)
    if upload.state in ("completing", "stored") and upload.etags == cmd.etags:
        return Answer([], body)
    if upload.state != "open":
        return refuse("file.upload_state", f"the upload is {upload.state}; only an open one can be completed", "upload_id")
    if len(cmd.etags) != upload.part_count:
        return refuse("file.parts", f"the upload has {upload.part_count} parts, {len(cmd.etags)} were named", "etags")
    return Answer([UploadCompleted(upload_id=upload.upload_id, etags=cmd.etags)], body)


def abort(cmd: AbortUpload, view: View, ctx: Context) -> Decision[UploadStateAnswer]:
    """Give an upload up, on request or by its timer."""
    upload = view.get(UPLOADS, cmd.upload_id)
    if upload is None:
        return missing(UPLOADS, cmd.upload_id)
    timer = bool(ctx.envelope.timer)
    if upload.state not in ("started", "open"):
        return [] if timer else refuse("file.upload_state", f"the upload is {upload.state} already", "upload_id")
    reason = "nobody completed it in time" if timer else "aborted on request"
    return Answer(_given_up(upload, reason), UploadStateAnswer(upload_id=upload.upload_id, state="aborted"))


def fail(cmd: FailUpload, view: View, ctx: Context) -> Decision:
    """The store refused."""
    upload = view.get(UPLOADS, cmd.upload_id)
    if upload is None or upload.state in ("stored", "aborted"):
        return []
    return _given_up(upload, cmd.reason)


def store(cmd: StoreFile, view: View, ctx: Context) -> Decision:
    """The parts are one object now; it must have the size that was announced."""
    upload = view.get(UPLOADS, cmd.upload_id)
    if upload is None or upload.state != "completing":
        return []
    if cmd.bytes != upload.bytes:
        reason = f"{cmd.bytes} bytes arrived where {upload.bytes} were announced; start a new upload with the right size"
        return _given_up(upload, reason)
    return [carry(FileStored, upload)]


def _given_up(upload: Upload, reason: str) -> list[Event]:
    """The end of an upload, and of its file, so that who waits for it is told."""
    aborted = UploadAborted(upload_id=upload.upload_id, file_id=upload.file_id, reason=reason)
    return [aborted, carry(FileGivenUp, upload, code="file.upload_aborted", detail=f"nothing came of its upload: {reason}")]
