"""Fault attribution: whether the template or the node is at fault when engines die, and which of them is set aside for it."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from consumers.render.leases.kind import Rows, Templates
from consumers.render.nodes.node_control import TEMPLATES, set_aside
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Context, ForPlatform
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Event
from contracts.node import ReportFailure
from contracts.render.nodes import CrashKind, Node, NodeSteered, NodeSuspected, Suspect
from contracts.render.parts import Part
from contracts.render.templates import TemplateCrashed, TemplateSetAside

SET_ASIDE = "template.set_aside"
KILLED = "node.engine_killed"  # somebody ended the engine from outside: neither the template nor the node is to blame
# What a template can do to an engine.
ENGINE_ENDED: tuple[CrashKind, ...] = ("engine_crash", "engine_hang", "out_of_memory", "frames_differ")
TEMPLATE_NODES = 2  # on which a template ended engines before it is set aside
NODE_TEMPLATES = 3  # different ones that failed on a node before it is set aside
LATELY = timedelta(minutes=30)
MOST_SUSPECTS = 20


class Attribution(msgspec.Struct, frozen=True):
    """What follows from a failure; `reason` is why its template is set aside, empty when it is not."""

    events: Sequence[Event | ForPlatform] = ()
    reason: str = ""


def attribute(cmd: ReportFailure, part: Part, templates: Templates, view: View, ctx: Context) -> Attribution:
    """A template whose engines died on several nodes is at fault, else the node on which it failed.

    `templates` are those that the part draws: a node must not name another.
    """
    if cmd.crash is None or cmd.code == KILLED or not cmd.template or cmd.template not in templates(part, view):
        return Attribution()
    suspect = Suspect(view.tenant, cmd.template, ctx.now)
    if cmd.crash not in ENGINE_ENDED:
        return Attribution(_suspected(part, suspect, view, ctx))
    row = view.get(TEMPLATES, cmd.template)
    nodes = {*(row.crashed_on if row else ()), part.node_id}
    crashed = TemplateCrashed(template=cmd.template, node_id=part.node_id, kind=cmd.crash)
    if row is not None and row.state == "set_aside":
        return Attribution([crashed], row.reason)
    if len(nodes) < TEMPLATE_NODES:
        return Attribution([crashed, *_suspected(part, suspect, view, ctx)])
    reason = f"it ended engines on {len(nodes)} nodes, the last time by {cmd.crash.replace('_', ' ')}"
    if cmd.crash == "frames_differ":
        reason = f"it does not draw the same frame alike each time, seen on {len(nodes)} nodes"
    rows = view.of(PLATFORM).many(NODES, [(node_id,) for node_id in sorted(nodes)])
    cleared = [event for node in rows if node is not None for event in _cleared(node, suspect)]
    return Attribution([crashed, TemplateSetAside(template=cmd.template, reason=reason), *cleared], reason)


def message_of(template: str, reason: str) -> str:
    """Why a job of a set-aside template fails."""
    return f"the template {template[:12]} was set aside: {reason}; correct it, or have it released"


def _suspected(part: Part, suspect: Suspect, view: View, ctx: Context) -> list[ForPlatform]:
    platform = view.of(PLATFORM)
    node = platform.get(NODES, part.node_id)
    if node is None:
        return []
    others = [one for one in _without(node, suspect) if ctx.now - one.at < LATELY]
    lately = (*others, suspect)[-MOST_SUSPECTS:]
    events: list[Event] = [NodeSuspected(node_id=node.node_id, suspects=lately)]
    if len(lately) >= NODE_TEMPLATES and node.service == "open" and _has_peer(node, platform):
        reason = f"{len(lately)} different templates failed on it within {LATELY // timedelta(minutes=1)} minutes"
        events.append(set_aside(node, reason, ctx))
    return [ForPlatform(event) for event in events]


def _has_peer(node: Node, platform: View) -> bool:
    """Whether another node can take its work; the last one is kept, as then nothing shows that it is to blame."""
    builds = (node.engine_build, node.encoder_build)
    active = platform.where(NODES, state="active")
    return any(one.node_id != node.node_id and one.service == "open" and (one.engine_build, one.encoder_build) == builds for one in active)


def _cleared(node: Node, suspect: Suspect) -> list[ForPlatform]:
    """The node without this suspicion; if it was set aside for it, it goes back to work."""
    left = _without(node, suspect)
    if len(left) == len(node.suspects):
        return []
    events: list[Event] = [NodeSuspected(node_id=node.node_id, suspects=left)]
    if node.service == "set_aside" and len(left) < NODE_TEMPLATES:
        before = node.set_asides - 1
        events.append(NodeSteered(node_id=node.node_id, service="open", reason="a template was to blame", set_asides=before))
    return [ForPlatform(event) for event in events]


def _without(node: Node, suspect: Suspect) -> tuple[Suspect, ...]:
    return tuple(one for one in node.suspects if (one.tenant, one.template) != (suspect.tenant, suspect.template))


def template_crashed(event: TemplateCrashed, envelope: Envelope, view: View) -> Rows:
    """On which nodes a template ended engines, each once."""
    row = view.get(TEMPLATES, event.template)
    if row is None:
        yield TEMPLATES, fresh(TEMPLATES, envelope, {"template": event.template, "crashed_on": (event.node_id,)})
    elif event.node_id not in row.crashed_on:
        yield TEMPLATES, moved(row, envelope, crashed_on=(*row.crashed_on, event.node_id))
