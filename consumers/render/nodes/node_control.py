"""Node control: whether a node gets work, by a person's word or after too many failures; and templates that are let go again."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from consumers.render.leases.kind import Rows
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Answer, Context, Decision, DropTimer, Refusal, SetTimer, TimerChange, refuse
from consumers.runtime.projection import moved
from consumers.runtime.rules import missing
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.envelope import Envelope
from contracts.message import PLATFORM
from contracts.render import templates
from contracts.render.nodes import (
    DistrustNode,
    DrainNode,
    ForgiveNode,
    MaintainNode,
    Node,
    NodeServiceAnswer,
    NodeSteered,
    OpenNode,
    Service,
)
from contracts.render.templates import ReleaseTemplate, TemplateAnswer, TemplateReleased

TEMPLATES = Table.of(templates.TEMPLATES)

LONGEST_REASON = 200  # characters
FIRST_TIME, LONGEST_TIME = timedelta(minutes=10), timedelta(days=1)  # that a node is set aside
STREAK_RESET = timedelta(days=1)  # without being set aside, after which the next time is a first one again


def drain(cmd: DrainNode, view: View, ctx: Context) -> Decision[NodeServiceAnswer]:
    """Give a node no more work until it registers again; one that gets none already stays as it is."""
    node = _steerable(cmd.node_id, view)
    if isinstance(node, Refusal):
        return node
    if node.state != "active":
        detail = f"node {node.name} is {node.state}: it holds no work; `maintain` keeps it from work when it comes back"
        return refuse("node.not_active", detail, "node_id")
    return _steered(node, "draining" if node.service == "open" else node.service, cmd.force, cmd.reason)


def maintain(cmd: MaintainNode, view: View, ctx: Context) -> Decision[NodeServiceAnswer]:
    """Give a node no work until a person opens it."""
    node = _steerable(cmd.node_id, view)
    return node if isinstance(node, Refusal) else _steered(node, "maintenance", cmd.force, cmd.reason)


def distrust(cmd: DistrustNode, view: View, ctx: Context) -> Decision:
    """Set a node aside that floods the farm with what does not count; what it holds goes elsewhere at once."""
    node = view.of(PLATFORM).get(NODES, cmd.node_id)
    if node is None or node.service not in ("open", "draining"):
        return []
    reason = f"{cmd.count} of its reports within a minute were refused, unreadable or about no work"
    return [replace(set_aside(node, reason, ctx), force=True)]


def open_(cmd: OpenNode, view: View, ctx: Context) -> Decision[NodeServiceAnswer]:
    """Put a node back to work; what failed on it is forgotten."""
    node = _steerable(cmd.node_id, view)
    if isinstance(node, Refusal):
        return node
    body = NodeServiceAnswer(node_id=node.node_id, service="open")
    if node.service == "open" and not node.suspects and not node.set_asides:
        return Answer([], body)
    return Answer([NodeSteered(node_id=node.node_id, service="open", reason=cmd.reason[:LONGEST_REASON])], body)


def forgive(cmd: ForgiveNode, view: View, ctx: Context) -> Decision:
    """Open a set-aside node whose time is over, unless a person has decided otherwise meanwhile."""
    node = view.get(NODES, cmd.node_id)
    if node is None or node.service != "set_aside" or node.service_until != cmd.until:
        return []
    reason = "its time is over"
    return [NodeSteered(node_id=node.node_id, service="open", reason=reason, until=cmd.until, set_asides=node.set_asides)]


def set_aside(node: Node, reason: str, ctx: Context) -> NodeSteered:
    """A node out of service for a time, twice as long as the one before when it happens again within a day."""
    again = node.service_until is not None and ctx.now - node.service_until < STREAK_RESET
    times = node.set_asides + 1 if again else 1
    until = ctx.now + min(FIRST_TIME * 2 ** min(times - 1, 10), LONGEST_TIME)
    return NodeSteered(node_id=node.node_id, service="set_aside", reason=reason, until=until, set_asides=times)


def timers(event: NodeSteered, envelope: Envelope) -> Iterable[TimerChange]:
    """A set-aside node is forgiven by itself; one that is steered otherwise needs it no more."""
    name = f"forgive node {event.node_id}"
    if event.service == "set_aside" and event.until is not None:
        yield SetTimer(name, event.until, ForgiveNode(node_id=event.node_id, until=event.until))
    else:
        yield DropTimer(name)


def release(cmd: ReleaseTemplate, view: View, ctx: Context) -> Decision[TemplateAnswer]:
    """Let a set-aside template be drawn again."""
    row = view.get(TEMPLATES, cmd.template)
    if row is None or row.state != "set_aside":
        return refuse("template.not_found", f"no template {cmd.template[:64]} is set aside", "template")
    return Answer([TemplateReleased(template=cmd.template)], TemplateAnswer(template=cmd.template, state="open"))


def _steerable(node_id: UUID, view: View) -> Node | Refusal:
    if view.tenant != PLATFORM:
        return refuse("node.tenant", "nodes are steered under the platform tenant")
    node = view.get(NODES, node_id)
    return node if node is not None else missing(NODES, node_id)


def _steered(node: Node, service: Service, force: bool, reason: str) -> Decision[NodeServiceAnswer]:
    body = NodeServiceAnswer(node_id=node.node_id, service=service)
    if service == node.service and not force:
        return Answer([], body)
    same = service == node.service
    steered = NodeSteered(
        node_id=node.node_id,
        service=service,
        force=force,
        reason=reason[:LONGEST_REASON] or (node.service_reason if same else ""),
        until=node.service_until,
        set_asides=node.set_asides,
    )
    return Answer([steered], body)


def node_steered(event: NodeSteered, envelope: Envelope, view: View) -> Rows:
    """Whether the node gets work; one that is opened starts without suspicions."""
    node = view.get(NODES, event.node_id)
    assert node is not None, "only a registered node is steered"
    suspects = () if event.service == "open" else node.suspects
    values = {"service": event.service, "service_reason": event.reason, "service_until": event.until, "set_asides": event.set_asides}
    yield NODES, moved(node, envelope, **values, suspects=suspects)
