"""Dispatch: the effect that sends parts to their nodes, with fresh presigned addresses in manifests; and the word to stop."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from consumers.render import shelf
from consumers.render.manifests import LIVES, MANIFESTS
from consumers.render.rows import Part
from consumers.runtime.domain import Effect, clipped
from consumers.runtime.tools import Tools
from contracts.audit import CommandQuarantined, CommandRefused
from contracts.envelope import Envelope
from contracts.message import Command, Kind, Work
from contracts.node import CancelPart, DrawPart, Manifest, ReportRefused
from contracts.render import PartAssigned, PartEnded

INLINE = 40_000  # bytes of a manifest that travels in the message itself; larger ones are objects


def on_assigned(event: PartAssigned, envelope: Envelope) -> list[Effect]:
    """A lease is useless until its node knows of it."""
    return [Effect("dispatch", {"part_id": event.part_id})]


def on_ended(event: PartEnded, envelope: Envelope) -> list[Effect]:
    """Tell a node to stop what does not count any more."""
    return [Effect("stop", {"part_id": event.part_id, "node_id": event.node_id})] if event.end in ("cancelled", "expired") else []


def on_report_refused(event: CommandRefused | CommandQuarantined, envelope: Envelope) -> list[Effect]:
    """A node hears why its report does not count; one whose headers cannot be read has no id to be told of."""
    node = envelope.actor.removeprefix("node:")
    if not event.command_type.startswith(f"{Kind.REPORT}.") or node == envelope.actor:
        return []
    code, detail = (event.code, event.detail) if isinstance(event, CommandRefused) else ("command.quarantined", event.reason)
    told = ReportRefused(report=event.command_id, report_type=event.command_type, code=code, detail=clipped(detail))
    return [Effect("tell_node", {"node_id": node, "refused": told})]


async def tell_node(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Publish ReportRefused to the node."""
    return await _tell(payload["node_id"], msgspec.convert(payload["refused"], ReportRefused), envelope, tools)


async def stop(payload: dict[str, Any], envelope: Envelope, tools: Tools) -> list[Command]:
    """Publish CancelPart to the node; one that is away finds its lease refused later."""
    return await _tell(payload["node_id"], CancelPart(part_id=UUID(payload["part_id"])), envelope, tools)


async def _tell(node_id: str, work: Work, envelope: Envelope, tools: Tools) -> list[Command]:
    await tools.publisher.publish(work, envelope.caused(work, id=envelope.id, time=envelope.time), scope=node_id)
    return []


async def dispatch(group: Sequence[tuple[dict[str, Any], Envelope]], tools: Tools) -> None:
    """Publish DrawPart for each part to its node, unless its lease is over already."""
    envelopes = {UUID(payload["part_id"]): envelope for payload, envelope in group}
    async with tools.reading(*{envelope.tenant for envelope in envelopes.values()}) as conn:
        parts = await shelf.parts(conn, [(envelope.tenant, part_id) for part_id, envelope in envelopes.items()])
        active = [part for part in parts.values() if part.state == "active"]
        filled = await shelf.fill(conn, active)
    await asyncio.gather(
        *(_send(part, MANIFESTS[part.kind](filled, part, tools.objects), envelopes[part.part_id], tools) for part in active)
    )


async def _send(part: Part, manifest: Manifest, envelope: Envelope, tools: Tools) -> None:
    work = DrawPart(
        part_id=part.part_id, tenant_id=part.tenant_id, kind=part.kind, subject_id=part.subject_id, epoch=part.epoch, manifest=manifest
    )
    encoded = msgspec.json.encode(manifest)
    if len(encoded) > INLINE:
        key = f"manifests/{part.tenant_id}/{part.part_id}"
        await tools.objects.put(key, encoded)
        work = msgspec.structs.replace(work, manifest=None, manifest_url=tools.objects.presign_get(key, LIVES))
    await tools.publisher.publish(work, envelope.caused(work, id=part.part_id, time=envelope.time), scope=str(part.node_id))
