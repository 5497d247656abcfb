"""Parts: one piece of work under one lease, given to a free slot; their ends without a report."""

import msgspec

from consumers.render.kinds import KINDS
from consumers.render.leases.kind import Grant, Rows
from consumers.render.leases.lease import PARTS, ended
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.message import PLATFORM
from contracts.render.parts import AssignPart, ExpirePart, PartAssigned, PartEnded


def assign(cmd: AssignPart, view: View, ctx: Context) -> Decision:
    """Give the scheduler's choice its lease, if the node still offers the slot and the work still waits."""
    kind, platform = KINDS[cmd.kind], view.of(PLATFORM)
    view.need(platform.at(NODES, cmd.node_id), *kind.wants(cmd, view))
    node = platform.get(NODES, cmd.node_id)
    if node is None or node.state != "active" or node.service != "open" or node.epoch != cmd.node_epoch:
        return refuse("render.node_gone", f"node {cmd.node_id} does not offer this slot any more")
    grant = kind.assign(cmd, view)
    return grant if isinstance(grant, Refusal) else [_assigned(cmd, grant, ctx), *grant.events]


def _assigned(cmd: AssignPart, grant: Grant, ctx: Context) -> PartAssigned:
    return PartAssigned(
        part_id=ctx.id("part"),
        kind=cmd.kind,
        subject_id=cmd.subject_id,
        node_id=cmd.node_id,
        node_epoch=cmd.node_epoch,
        epoch=grant.epoch,
        first=cmd.first,
        count=cmd.count,
        keys=grant.keys,
        places=grant.places,
    )


def expire(cmd: ExpirePart, view: View, ctx: Context) -> Decision:
    """End a lease that its node no longer serves; the work waits again."""
    part = view.get(PARTS, cmd.part_id)
    if part is None or part.state != "active":
        return []
    return [ended(part, view, "expired", cmd.reason)]


def part_assigned(event: PartAssigned, envelope: Envelope, view: View) -> Rows:
    """The lease, and what it holds."""
    yield PARTS, fresh(PARTS, envelope, msgspec.structs.asdict(event))
    yield from KINDS[event.kind].assigned(event, envelope, view)


def part_ended(event: PartEnded, envelope: Envelope, view: View) -> Rows:
    """The lease is over; what was not done waits again."""
    part = view.get(PARTS, event.part_id)
    assert part is not None, "only an assigned part ends"
    yield PARTS, moved(part, envelope, state=event.end, detail=event.detail)
    yield from KINDS[event.kind].ended(event, envelope, view)
