"""Nodes: registered, heard, lost, gone. What they held is ended by the scheduler, lease by lease."""

from consumers.render.leases.reporting_node import reporting_node
from consumers.runtime.domain import Context, Decision, Refusal, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.message import PLATFORM
from contracts.node import OLDEST, PROTOCOL, LeaveNode, RegisterNode
from contracts.render import nodes
from contracts.render.nodes import LoseNode, Node, NodeCrashed, NodeLeft, NodeLost, NodeRegistered, NodeSteered, Service

NODES, CRASHES = Table.of(nodes.NODES), Table.of(nodes.CRASHES)

MAX_SLOTS = 256
MOST_BUNDLES = 100


def register(cmd: RegisterNode, view: View, ctx: Context) -> Decision:
    """Take a node in under its next epoch; leases of its earlier ones are void."""
    if view.tenant != PLATFORM:
        return refuse("node.tenant", "nodes register under the platform tenant")
    node_id = reporting_node(ctx.envelope.actor)
    known = view.get(NODES, node_id)
    if refusal := _unspoken(cmd, known):
        return refusal
    if not 1 <= cmd.slots <= MAX_SLOTS:
        return refuse("node.slots", f"a node offers 1 to {MAX_SLOTS} slots, not {cmd.slots}", "slots")
    registered = NodeRegistered(
        node_id=node_id,
        name=cmd.name[:100],
        epoch=known.epoch + 1 if known else 1,
        slots=cmd.slots,
        engine_build=cmd.engine_build,
        encoder_build=cmd.encoder_build,
        release=cmd.version,
        platform=cmd.platform,
        capabilities=cmd.capabilities,
        bundles=cmd.bundles[:MOST_BUNDLES],
        protocol=cmd.protocol,
    )
    return [registered, *_service(known)]


def _unspoken(cmd: RegisterNode, known: Node | None) -> Refusal | None:
    """Older protocols are for nodes that spoke them before: one that is new, or spoke a newer one, would choose the weaker promises."""
    if max(OLDEST, known.protocol if known else PROTOCOL) <= cmd.protocol <= PROTOCOL:
        return None
    detail = f"this farm speaks protocol {PROTOCOL}, the node {cmd.protocol}; install the farm's release on it"
    return refuse("node.protocol", detail, "protocol")


def _service(node: Node | None) -> list[NodeSteered]:
    """What a registration does to the service: it ends draining; all else lasts, and is told again to whoever follows the farm."""
    if node is None or node.service == "open":
        return []
    service: Service = "open" if node.service == "draining" else node.service
    reason = "it registered anew" if service == "open" else node.service_reason
    return [NodeSteered(node_id=node.node_id, service=service, reason=reason, until=node.service_until, set_asides=node.set_asides)]


def leave(cmd: LeaveNode, view: View, ctx: Context) -> Decision:
    """A node stops in an orderly way."""
    node = view.get(NODES, reporting_node(ctx.envelope.actor))
    if node is None or node.state != "active":
        return []
    return [NodeLeft(node_id=node.node_id, epoch=node.epoch)]


def lose(cmd: LoseNode, view: View, ctx: Context) -> Decision:
    """A node fell silent."""
    node = view.get(NODES, cmd.node_id)
    if node is None or node.state != "active" or node.epoch != cmd.epoch:
        return []
    crashed = NodeCrashed(
        crash_id=ctx.id("crash"),
        node_id=node.node_id,
        kind="machine_silence",
        part_id=None,
        subject_id=None,
        template="",
        signal=0,
        exit_code=0,
        last_frame=-1,
        log_tail=f"last heard at {cmd.last_heard.isoformat()}",
    )
    return [NodeLost(node_id=node.node_id, epoch=node.epoch), crashed]
