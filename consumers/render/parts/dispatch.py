"""Dispatch: the effect that sends parts to their nodes, with fresh presigned addresses in manifests; and the word to stop."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.render.kinds import KINDS
from consumers.render.leases.lease import PARTS
from consumers.render.leases.manifest_inputs import Known, ManifestInputs, active, read_files, read_protocols
from consumers.render.leases.manifests import LIVES
from consumers.render.parts.tools import RenderTools
from consumers.runtime.domain import clipped
from consumers.runtime.effects.declared import Call, EffectKind, Together
from consumers.runtime.projection import fresh
from consumers.runtime.tools import Ask, Tools
from contracts.actors import SCHEDULER, acting_node
from contracts.audit import CommandQuarantined, CommandRefused
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Command, Kind, Work, encode, type_of
from contracts.node import CancelPart, DrawPart, Manifest, ReportRefused
from contracts.render.parts import Part, PartAssigned, PartEnded

INLINE = 40_000  # bytes of work that travels with its manifest in it; larger manifests are objects
SOON = 2.0  # seconds in which a lease is taken to stand without asking
_q = sql.load("render")


class Stop(msgspec.Struct, frozen=True):
    """Tell a node to stop a part."""

    part_id: UUID
    node_id: UUID


class TellNode(msgspec.Struct, frozen=True):
    """Tell a node why its report does not count."""

    node_id: str
    refused: ReportRefused


def on_assigned(event: PartAssigned, envelope: Envelope) -> list[Row]:
    """A lease is useless until its node knows of it."""
    return [fresh(PARTS, envelope, msgspec.structs.asdict(event))]


def on_ended(event: PartEnded, envelope: Envelope) -> list[Stop]:
    """Tell a node to stop what does not count any more."""
    return [Stop(event.part_id, event.node_id)] if event.end in ("cancelled", "expired") else []


def on_report_refused(event: CommandRefused | CommandQuarantined, envelope: Envelope) -> list[TellNode]:
    """A node hears why its report does not count; one whose headers cannot be read has no id to be told of."""
    node = acting_node(envelope.actor)
    if not event.command_type.startswith(f"{Kind.REPORT}.") or not node:
        return []
    code, detail = (event.code, event.detail) if isinstance(event, CommandRefused) else ("command.quarantined", event.reason)
    told = ReportRefused(report=event.command_id, report_type=event.command_type, code=code, detail=clipped(detail))
    return [TellNode(node, told)]


async def tell_node(effect: TellNode, call: Call, tools: Tools) -> list[Command]:
    """Publish ReportRefused to the node."""
    return await _tell(effect.node_id, effect.refused, call.envelope, tools)


async def stop(effect: Stop, call: Call, tools: RenderTools) -> list[Command]:
    """Publish CancelPart to the node; one that is away finds its lease refused later."""
    tools.known.end(effect.part_id)
    return await _tell(str(effect.node_id), CancelPart(part_id=effect.part_id), call.envelope, tools)


async def _tell(node_id: str, work: Work, envelope: Envelope, tools: Tools) -> list[Command]:
    await tools.publisher.publish(work, envelope.caused(work, id=envelope.id, time=envelope.time), scope=node_id)
    return []


async def dispatch(group: Sequence[tuple[Part, Envelope]], tools: RenderTools) -> None:
    """Publish DrawPart for each part to its node, unless its lease is over already."""
    parts, known = [part for part, _ in group], tools.known
    async with tools.asking(PLATFORM, *{part.tenant_id for part in parts}) as ask:
        late = [part for part in parts if (datetime.now(UTC) - part.created_at).total_seconds() > SOON]
        ended = {part.part_id for part in late} - (await active(ask, late) if late else set())
        inputs = await read_inputs(ask, known, [part for part in parts if part.part_id not in ended])
    stands = [(part, envelope) for part, envelope in group if part.part_id not in ended]
    works = [_work(part, KINDS[part.kind].manifest(inputs, part, tools.objects), inputs.protocol(part)) for part, _ in stands]
    bodies = [encode(work) for work in works]
    large = [number for number, body in enumerate(bodies) if len(body) > INLINE]
    for number, body in zip(large, await asyncio.gather(*(_by_address(works[number], tools) for number in large)), strict=True):
        bodies[number] = body
    # Asked last, without a pause before the sending: the word to stop must not come before the work.
    messages = [
        (body, envelope.caused(work, id=part.part_id, time=envelope.time), part.node_id)
        for body, work, (part, envelope) in zip(bodies, works, stands, strict=True)
        if part.part_id not in known.over
    ]
    await tools.publisher.publish_all(DrawPart, messages)


async def read_inputs(ask: Ask, known: Known, wanted: Sequence[Part]) -> ManifestInputs:
    """All that the manifests of these parts are made of."""
    inputs = ManifestInputs()
    await read_protocols(ask, known, inputs, wanted)
    for kind in KINDS.values():
        if parts := [part for part in wanted if part.kind == kind.name]:
            await kind.read(ask, known, inputs, parts)
            inputs.needs |= {part.part_id: set(kind.files(inputs, part)) for part in parts}
    await read_files(ask, known, inputs, wanted)
    return inputs


async def left_behind(conn: asyncpg.Connection) -> list[tuple[Part, Envelope]]:
    """Every lease: a leader that died may not have told the latest ones. A node ignores a part that it has or had."""
    found = []
    for row in await conn.fetch(_q.leases):
        part = msgspec.json.decode(row["part"], type=Part)
        told = Envelope(
            id=part.part_id,
            type=type_of(PartAssigned).full_name,
            tenant=part.tenant_id,
            time=part.created_at,
            actor=SCHEDULER,
            correlation=row["correlation"],
            causation=part.part_id,
        )
        found.append((part, told))
    return found


def _work(part: Part, manifest: Manifest, protocol: int) -> DrawPart:
    return DrawPart(
        protocol=protocol,
        part_id=part.part_id,
        tenant_id=part.tenant_id,
        kind=part.kind,
        subject_id=part.subject_id,
        epoch=part.epoch,
        manifest=manifest,
    )


async def _by_address(work: DrawPart, tools: Tools) -> bytes:
    """The work with the address of its manifest, which is too large for a message."""
    key = f"manifests/{work.tenant_id}/{work.part_id}"
    await tools.objects.put(key, encode(work.manifest))
    return encode(msgspec.structs.replace(work, manifest=None, manifest_url=tools.objects.presign_get(key, LIVES)))


EFFECTS = (
    EffectKind(name="dispatch", payload=Part, together=Together(dispatch, left_behind)),
    # A node that hears neither within some minutes finds its lease refused anyway.
    EffectKind(name="stop", payload=Stop, run=stop, tries=12),
    EffectKind(name="tell_node", payload=TellNode, run=tell_node, tries=12),
)
