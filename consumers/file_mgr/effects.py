"""What file_mgr does at the store: open, join and drop multipart uploads."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

import sql
from adapters.object_store import ObjectMissing, StoreRefused
from consumers.runtime.effects.declared import Call, EffectFailed, EffectKind
from consumers.runtime.tools import Tools
from contracts.envelope import Envelope
from contracts.file_mgr.files import FileDiscarded, StoreFile
from contracts.file_mgr.uploads import FailUpload, OpenUpload, UploadAborted, UploadCompleted, UploadStarted
from contracts.message import Command

NO_ANSWER = "the store did not answer for a long time; announce the file anew"


class Open(msgspec.Struct, frozen=True):
    """Ask the store for a multipart upload."""

    upload_id: UUID
    object_key: str
    media_type: str
    hashed: bool = False  # of one part, whose SHA-256 is known


class Join(msgspec.Struct, frozen=True):
    """Have the store join the parts."""

    upload_id: UUID


class Drop(msgspec.Struct, frozen=True):
    """Drop the parts, and what may be there of the object."""

    upload_id: UUID


class Remove(msgspec.Struct, frozen=True):
    """Remove an object that no row names any more."""

    object_key: str


def on_started(event: UploadStarted, envelope: Envelope) -> list[Open]:
    """Ask the store for a multipart upload."""
    return [Open(event.upload_id, event.object_key, event.media_type, bool(event.sha256) and event.part_count == 1)]


def on_completed(event: UploadCompleted, envelope: Envelope) -> list[Join]:
    """Have the store join the parts."""
    return [Join(event.upload_id)]


def on_aborted(event: UploadAborted, envelope: Envelope) -> list[Drop]:
    """Drop the parts."""
    return [Drop(event.upload_id)]


def on_discarded(event: FileDiscarded, envelope: Envelope) -> list[Remove]:
    """Remove a rejected file's object."""
    return [Remove(event.removed)]


def no_answer(effect: Open | Join, envelope: Envelope, why: str) -> Iterable[Command]:
    """The upload is given up."""
    yield FailUpload(upload_id=effect.upload_id, reason=NO_ANSWER)


async def open_upload(effect: Open, call: Call, tools: Tools) -> list[Command]:
    """Create the multipart upload; a repeated run leaves an empty one behind, which the store's own rule removes."""
    try:
        storage_id = await tools.objects.create_multipart(effect.object_key, effect.media_type, hashed=effect.hashed)
    except StoreRefused as error:
        reason = "the store refuses this upload; announce the file anew"
        raise EffectFailed(str(error), [FailUpload(upload_id=effect.upload_id, reason=reason)]) from error
    return [OpenUpload(upload_id=effect.upload_id, storage_id=storage_id)]


async def join(effect: Join, call: Call, tools: Tools) -> list[Command]:
    """Complete the multipart upload; one that is joined already is found by its object."""
    row = await _session(tools, call.envelope.tenant, effect.upload_id)
    try:
        size = await tools.objects.complete_multipart(row["object_key"], row["storage_id"], row["etags"], row["sha256"])
    except (StoreRefused, ObjectMissing) as error:
        joined = await tools.objects.head(row["object_key"])
        if joined is None:
            reason = "the parts could not be joined: one is missing, or an etag is not its part's; send the file again in a new upload"
            raise EffectFailed(str(error), [FailUpload(upload_id=effect.upload_id, reason=reason)]) from error
        size = joined
    return [StoreFile(upload_id=effect.upload_id, bytes=size)]


async def drop(effect: Drop, call: Call, tools: Tools) -> list[Command]:
    """Abort the multipart upload and remove what may be there."""
    row = await _session(tools, call.envelope.tenant, effect.upload_id)
    if row["storage_id"]:
        await tools.objects.abort_multipart(row["object_key"], row["storage_id"])
    await tools.objects.delete(row["object_key"])
    return []


async def remove(effect: Remove, call: Call, tools: Tools) -> list[Command]:
    """Remove the object; one that is gone already is fine."""
    await tools.objects.delete(effect.object_key)
    return []


async def _session(tools: Tools, tenant: UUID, upload_id: UUID) -> dict[str, Any]:
    async with tools.reading(tenant) as conn:
        row = await conn.fetchrow(sql.load("file_mgr").upload, tenant, upload_id)
    sha256 = row["sha256"] if row["part_count"] == 1 else ""
    return {"object_key": row["object_key"], "storage_id": row["storage_id"], "etags": json.loads(row["etags"]), "sha256": sha256}


KINDS = (
    EffectKind(name="open", payload=Open, run=open_upload, exhausted=no_answer, answers=True),
    # The store copies what it joins: 2 GiB take their time.
    EffectKind(name="join", payload=Join, run=join, timeout=300.0, exhausted=no_answer, answers=True),
    EffectKind(name="drop", payload=Drop, run=drop, lane="bulk"),
    EffectKind(name="remove", payload=Remove, run=remove, lane="bulk"),
)
