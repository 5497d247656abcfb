"""Looking at stored objects: whether what was verified is still there, byte for byte."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

import sql
from adapters.object_store import ObjectMissing, ObjectStore
from consumers.runtime.effects.declared import Call, EffectKind
from consumers.runtime.tools import Tools
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.render.repairs import RepairDrawn, RepairRequested, ReportRot, SettleRepair

AT_ONCE = 4  # objects that are read at the same time
_q = sql.load("render")


class LookAtJob(msgspec.Struct, frozen=True):
    """See which of a job's stored segments are not what was verified."""

    job_id: UUID


class LookAtExport(msgspec.Struct, frozen=True):
    """See what a repaired job's export is."""

    repair_id: UUID
    object_key: str


async def found_sha256(objects: ObjectStore, key: str) -> str:
    """The hash of what lies there, or nothing. Raises StoreError when the store cannot say."""
    try:
        return await objects.sha256(key)
    except ObjectMissing:
        return ""


def in_words(found: str) -> str:
    """What a hash that was found says of a file."""
    return f"its file has the SHA-256 {found}" if found else "its file is missing"


def on_requested(event: RepairRequested, envelope: Envelope) -> Iterable[LookAtJob]:
    """Where an assembly found one segment spoilt, the job's others are looked at together, not one assembly after the other."""
    return [LookAtJob(event.job_id)] if event.found_joining else []


def on_drawn(event: RepairDrawn, envelope: Envelope) -> Iterable[LookAtExport]:
    """A repaired job's export is looked at before all is said to be well."""
    return [LookAtExport(event.repair_id, event.object_key)]


async def look_at_export(effect: LookAtExport, call: Call, tools: Tools) -> list[Command]:
    """Tell the domain what the export is."""
    key = effect.object_key
    return [SettleRepair(repair_id=effect.repair_id, object_key=key, found_sha256=await found_sha256(tools.objects, key))]


async def look_at_job(effect: LookAtJob, call: Call, tools: Tools) -> list[Command]:
    """Tell the domain which of a job's stored segments are not what was verified."""
    async with tools.reading(call.envelope.tenant) as conn:
        rows = await conn.fetch(_q.stored_segments_of_job, call.envelope.tenant, effect.job_id)
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(row: Any) -> ReportRot | None:
        async with gate:
            found = await found_sha256(tools.objects, row["object_key"])
        return None if found == row["sha256"] else ReportRot(key=row["segment_key"], object_key=row["object_key"], found_sha256=found)

    return [rot for rot in await asyncio.gather(*(look(row) for row in rows)) if rot is not None]


EFFECTS = (
    # Whole objects are read, of a job all of them.
    EffectKind(name="look_at_job", payload=LookAtJob, run=look_at_job, lane="bulk", timeout=1800.0),
    EffectKind(name="look_at_export", payload=LookAtExport, run=look_at_export, timeout=600.0),
)
