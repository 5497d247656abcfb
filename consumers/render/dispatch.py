"""Dispatch: the effect that sends a part to its node, with fresh presigned addresses in a manifest; and the word to stop."""

from typing import Any
from uuid import UUID

import msgspec

import sql
from consumers.render.manifests import LIVES, MANIFESTS
from consumers.render.rows import Part
from consumers.runtime.domain import Effect
from consumers.runtime.tools import Tools
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.node import CancelPart, DrawPart
from contracts.render import PartAssigned, PartEnded

INLINE = 40_000  # bytes of a manifest that travels in the message itself; larger ones are objects
_q = sql.load("render")


def on_assigned(event: PartAssigned, envelope: Envelope) -> list[Effect]:
    """A lease is useless until its node knows of it."""
    return [Effect("dispatch", {"part_id": event.part_id})]


def on_ended(event: PartEnded, envelope: Envelope) -> list[Effect]:
    """Tell a node to stop what does not count any more."""
    return [Effect("stop", {"part_id": event.part_id, "node_id": event.node_id})] if event.end in ("cancelled", "expired") else []


async def stop(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Publish CancelPart to the node; one that is away finds its lease refused later."""
    work = CancelPart(part_id=UUID(payload["part_id"]))
    await tools.publisher.publish(work, envelope.caused(work, id=envelope.id, time=envelope.time), scope=payload["node_id"])
    return []


async def dispatch(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Publish DrawPart to the node, unless the lease is over already."""
    async with tools.reading(envelope.tenant) as conn:
        text = await conn.fetchval(_q.part, envelope.tenant, UUID(payload["part_id"]))
        part = msgspec.json.decode(text, type=Part) if text else None
        if part is None or part.state != "active":
            return []
        manifest = await MANIFESTS[part.kind](conn, part, tools.objects)
    work = DrawPart(
        part_id=part.part_id, tenant_id=part.tenant_id, kind=part.kind, subject_id=part.subject_id, epoch=part.epoch, manifest=manifest
    )  # type: ignore[arg-type]
    encoded = msgspec.json.encode(manifest)
    if len(encoded) > INLINE:
        key = f"manifests/{part.tenant_id}/{part.part_id}"
        await tools.objects.put(key, encoded)
        work = msgspec.structs.replace(work, manifest=None, manifest_url=tools.objects.presign_get(key, LIVES))
    await tools.publisher.publish(work, envelope.caused(work, id=part.part_id, time=envelope.time), scope=str(part.node_id))
    return []
