"""What file_mgr does at the store: open, join and drop multipart uploads."""

import json
from typing import Any
from uuid import UUID

import sql
from adapters.object_store import ObjectMissing, StoreRefused
from consumers.runtime.domain import Effect, EffectFailed
from consumers.runtime.tools import Tools
from contracts.envelope import Envelope
from contracts.file_mgr import FailUpload, OpenUpload, StoreFile, UploadAborted, UploadCompleted, UploadStarted
from contracts.message import Command


def on_started(event: UploadStarted, envelope: Envelope) -> list[Effect]:
    """Ask the store for a multipart upload."""
    return [Effect("open", {"upload_id": event.upload_id, "object_key": event.object_key, "media_type": event.media_type})]


def on_completed(event: UploadCompleted, envelope: Envelope) -> list[Effect]:
    """Have the store join the parts."""
    return [Effect("join", {"upload_id": event.upload_id})]


def on_aborted(event: UploadAborted, envelope: Envelope) -> list[Effect]:
    """Drop the parts."""
    return [Effect("drop", {"upload_id": event.upload_id})]


async def open_upload(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Create the multipart upload; a repeated run leaves an empty one behind, which the store's own rule removes."""
    upload_id = UUID(payload["upload_id"])
    try:
        storage_id = await tools.objects.create_multipart(payload["object_key"], payload["media_type"])
    except StoreRefused as error:
        reason = "the store refuses this upload; announce the file anew"
        raise EffectFailed(str(error), [FailUpload(upload_id=upload_id, reason=reason)]) from error
    return [OpenUpload(upload_id=upload_id, storage_id=storage_id)]


async def join(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Complete the multipart upload; one that is joined already is found by its object."""
    upload_id = UUID(payload["upload_id"])
    row = await _session(tools, envelope.tenant, upload_id)
    try:
        size = await tools.objects.complete_multipart(row["object_key"], row["storage_id"], row["etags"])
    except (StoreRefused, ObjectMissing) as error:
        joined = await tools.objects.head(row["object_key"])
        if joined is None:
            reason = "the parts could not be joined: one is missing, or an etag is not its part's; send the file again in a new upload"
            raise EffectFailed(str(error), [FailUpload(upload_id=upload_id, reason=reason)]) from error
        size = joined
    return [StoreFile(upload_id=upload_id, bytes=size)]


async def drop(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Abort the multipart upload and remove what may be there."""
    row = await _session(tools, envelope.tenant, UUID(payload["upload_id"]))
    if row["storage_id"]:
        await tools.objects.abort_multipart(row["object_key"], row["storage_id"])
    await tools.objects.delete(row["object_key"])
    return []


async def _session(tools: Tools, tenant: UUID, upload_id: UUID) -> dict[str, Any]:
    async with tools.reading(tenant) as conn:
        row = await conn.fetchrow(sql.load("file_mgr").upload, tenant, upload_id)
    return {"object_key": row["object_key"], "storage_id": row["storage_id"], "etags": json.loads(row["etags"])}
