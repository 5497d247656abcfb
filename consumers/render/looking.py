"""Looking at stored objects: whether what was verified is still there, byte for byte."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sql
from adapters.object_store import ObjectMissing, ObjectStore
from consumers.runtime.domain import Effect
from consumers.runtime.tools import Tools
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.render import JobCompleted
from contracts.repair import ExportReplaced, RepairDrawn, RepairRequested, ReportRot, RequestRepair, SettleRepair

AT_ONCE = 4  # objects that are read at the same time
_q = sql.load("render")


async def found_sha256(objects: ObjectStore, key: str) -> str:
    """The hash of what lies there, or nothing. Raises StoreError when the store cannot say."""
    try:
        return await objects.sha256(key)
    except ObjectMissing:
        return ""


def on_requested(event: RepairRequested, envelope: Envelope) -> Iterable[Effect]:
    """Where an assembly found one segment spoilt, the job's others are looked at together, not one assembly after the other."""
    return [Effect("look_at_job", {"job_id": event.job_id})] if event.found_joining else []


def on_drawn(event: RepairDrawn, envelope: Envelope) -> Iterable[Effect]:
    """A repaired job's export is looked at before all is said to be well."""
    return [Effect("look_at_export", {"repair_id": event.repair_id, "object_key": event.object_key})]


def on_delivered(event: JobCompleted | ExportReplaced, envelope: Envelope) -> Iterable[Effect]:
    """That a node delivered an export is its word: whether the file is there is asked of the store."""
    yield Effect("look_at_delivery", {"job_id": event.job_id, "object_key": event.object_key, "bytes": event.bytes})


async def look_at_delivery(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Have an export joined anew that is not there, or has another size than was told."""
    size = await tools.objects.head(payload["object_key"])
    if size == payload["bytes"]:
        return []
    found = "is not there" if size is None else f"has {size} bytes"
    reason = f"its file {found}; {payload['bytes']} bytes were reported"
    return [RequestRepair(job_id=UUID(payload["job_id"]), export=True, reason=reason)]


async def look_at_export(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Tell the domain what the export is."""
    key = payload["object_key"]
    return [SettleRepair(repair_id=UUID(payload["repair_id"]), object_key=key, found_sha256=await found_sha256(tools.objects, key))]


async def look_at_job(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Tell the domain which of a job's stored segments are not what was verified."""
    async with tools.reading(envelope.tenant) as conn:
        rows = await conn.fetch(_q.stored_segments_of_job, envelope.tenant, UUID(payload["job_id"]))
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(row: Any) -> ReportRot | None:
        async with gate:
            found = await found_sha256(tools.objects, row["object_key"])
        return None if found == row["sha256"] else ReportRot(key=row["segment_key"], object_key=row["object_key"], found_sha256=found)

    return [rot for rot in await asyncio.gather(*(look(row) for row in rows)) if rot is not None]
