"""Why a render waits, is slow or failed: reasons from the rows as they are now, and the chain of events that led there."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from api_edge.edge import Call, Edge
from api_edge.routing import CommandRoute, QueryRoute, Row
from api_edge.stream.events import kind_of, shown
from contracts.fields import Moment
from contracts.render.jobs import JobState
from contracts.render.nodes import Capabilities, CrashKind, Service
from contracts.render.parts import PartKind, PartState
from contracts.render.repairs import RepairCause, RepairState
from contracts.spec import Needs, Warning
from contracts.visibility import Public

DEFAULT_SLOTS = 64  # of a tenant whose share the farm has not heard of
Body = dict[str, Any]


class Reason(msgspec.Struct, frozen=True):
    """One reason, by a code and in words."""

    code: Public[str]
    detail: Public[str]


class Step(msgspec.Struct, frozen=True):
    """One event of the chain, with its position in the log."""

    position: Public[int]
    time: Public[Moment]
    type: Public[str]
    actor: Public[str]
    text: Public[str]


class Crashes(msgspec.Struct, frozen=True):
    """How often a part crashed on a node; parts count from 1, and 0 is none."""

    part: Public[int]
    node: Public[str]
    kind: Public[CrashKind]
    count: Public[int]
    text: Public[str]


class Happened(msgspec.Struct, frozen=True):
    """An event of the render's request."""

    position: int
    time: datetime
    type: str
    actor: str
    body: msgspec.Raw


class Node(msgspec.Struct, frozen=True):
    """A node that is there."""

    name: str
    service: Service
    reason: str
    slots: int
    builds: tuple[str, str]
    capabilities: Capabilities


class Part(msgspec.Struct, frozen=True):
    """A part of the render."""

    part_id: UUID
    kind: PartKind
    node: str
    first: int
    count: int
    epoch: int
    state: PartState
    detail: str


class Repair(msgspec.Struct, frozen=True):
    """Something of the render that is drawn again."""

    state: RepairState
    cause: RepairCause
    reason: str
    segments: int


class Crash(msgspec.Struct, frozen=True):
    """Something that died at work on the render."""

    part_id: UUID | None
    kind: CrashKind
    node: str
    signal: int
    last_frame: int
    at: datetime


def explain(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Turn the statement's findings into an explanation."""
    return [_explained(row) for row in rows]


def _explained(row: Row) -> Row:
    nodes = msgspec.json.decode(row["nodes"], type=list[Node])
    parts = msgspec.json.decode(row["parts"], type=list[Part])
    crashes = msgspec.json.decode(row["crashes"], type=list[Crash])
    steps = [_step(event) for event in msgspec.json.decode(row["events"], type=list[Happened])]
    repairs = msgspec.json.decode(row["repairs"], type=list[Repair])
    reasons = [*_reasons(row, nodes, parts, steps), *map(_repairing, repairs)]
    return {
        "job_id": row["job_id"],
        "state": row["state"],
        "paused": row["paused"],
        "segments_done": row["segments_done"],
        "segments_total": row["segments_total"],
        "reasons": reasons,
        "warnings": msgspec.json.decode(row["warnings"], type=list[Warning]),
        "crashes": [*_crashes(parts, crashes)],
        "events": steps,
    }


def _reasons(row: Row, nodes: list[Node], parts: list[Part], steps: list[Step]) -> Iterator[Reason]:
    if row["state"] == "failed":
        yield Reason("job.failed", f"{row['code']}: {row['detail']}")
    elif row["state"] == "cancelled":
        by = next((step.actor for step in reversed(steps) if step.type == "render.job.cancelled"), "somebody")
        yield Reason("job.cancelled", f"cancelled by {by}")
    elif row["state"] == "completed" and row["unrepaired"]:
        yield Reason("job.unrepaired", f"the last repair failed: {row['unrepaired']}; if its file is not whole, render it anew")
    elif row["state"] != "completed":
        yield from _open_reasons(row, nodes, parts)


def _repairing(repair: Repair) -> Reason:
    doing = {"checking": "its export is looked at", "assembling": "its export is joined anew"}
    what = doing.get(repair.state, f"{_count(repair.segments, 'segment is', 'segments are')} drawn again")
    why = {"rot": "stored bytes rotted", "missing": "stored bytes are gone", "person": "a person asked"}[repair.cause]
    return Reason("job.repairing", f"{what}: {why}" + (f" ({repair.reason})" if repair.reason else ""))


def _open_reasons(row: Row, nodes: list[Node], parts: list[Part]) -> Iterator[Reason]:
    running = [part for part in parts if part.state == "active"]
    if row["paused"]:
        yield Reason("job.paused", "it was paused and gets no slots until it is resumed")
    if running:
        names = ", ".join(sorted({part.node for part in running}))
        yield Reason("job.drawing", f"{_count(len(running), 'part is', 'parts are')} in work on {names}")
    if row["paused"] or (row["state"] == "assembling" and running):
        return
    if unfit := list(_unfit(row, nodes)):
        yield from unfit
        return
    limit = row["max_slots"] or DEFAULT_SLOTS
    if row["slots_used"] >= limit:
        yield Reason("tenant.at_limit", f"tenant at its limit of {_count(limit, 'slot', 'slots')}")
    elif not running:
        if parts and parts[-1].state == "failed":
            yield Reason("job.retrying", f"its last part failed and is tried again: {parts[-1].detail}")
        slots = sum(node.slots for node in nodes if node.service == "open")
        yield Reason("farm.busy", f"it waits for its turn: the farm has {_count(slots, 'slot', 'slots')}, shared by all tenants")


def _unfit(row: Row, nodes: list[Node]) -> Iterator[Reason]:
    """Why no node that is there may draw the render; nothing when one may."""
    if not nodes:
        yield Reason("farm.no_node", "no node is there; start one with `flatrender node`")
        return
    serving = [node for node in nodes if node.service == "open"]
    if not serving:
        told = ", ".join(f"{node.name} is in {node.service}" + (f" ({node.reason})" if node.reason else "") for node in nodes)
        yield Reason("farm.no_node", f"no node gives out slots: {told}")
        return
    needs = msgspec.json.decode(row["needs"], type=Needs)
    builds = (row["engine_build"], row["encoder_build"])
    checks: list[tuple[str, Callable[[Node], bool]]] = [
        (
            f"no node has the builds that it was begun with ({', '.join(builds)}); once none was seen for ten minutes, all is drawn anew",
            lambda node: not builds[0] or node.builds == builds,
        ),
        (f"no node has {needs.memory} bytes of memory for a slot", lambda node: needs.memory <= (node.capabilities.memory or needs.memory)),
        *((f"no node has the font {font}", lambda node, font=font: font in node.capabilities.fonts) for font in needs.fonts),
        *((f"no node has the label {label}", lambda node, label=label: label in node.capabilities.labels) for label in needs.labels),
    ]
    missing = [detail for detail, has in checks if not any(has(node) for node in serving)]
    if not missing and not any(all(has(node) for _, has in checks) for node in serving):
        missing = ["no single node has all that it needs: " + ", ".join((*needs.fonts, *needs.labels))]
    yield from (Reason("farm.no_capable_node", detail) for detail in missing)


def _crashes(parts: list[Part], crashes: list[Crash]) -> Iterator[Crashes]:
    """How often each part crashed on each node; parts count from 1 in the order they were given out."""
    numbers = {part.part_id: number for number, part in enumerate(parts, 1)}
    times = Counter((numbers.get(crash.part_id, 0) if crash.part_id else 0, crash.node, crash.kind) for crash in crashes)
    for (number, node, kind), count in times.items():
        often = {1: "once", 2: "twice"}.get(count, f"{count} times")
        what = f"part {number} crashed {often}" if number else f"something died {often}"
        yield Crashes(number, node, kind, count, f"{what} on {node} ({kind.replace('_', ' ')})")


def _step(event: Happened) -> Step:
    kind = kind_of(event.type)
    tell = SENTENCES.get(kind.name)
    body: Body = msgspec.json.decode(shown(kind, bytes(event.body)))
    return Step(event.position, event.time, kind.name, event.actor, tell(body) if tell else kind.name)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _ended(body: Body) -> str:
    again = f"; tried again after {body['retry_after']:g} s" if body.get("retry_after") else ""
    waiting = f", {_count(len(body['returned']), 'segment waits', 'segments wait')} again" if body.get("returned") else ""
    return f"a {body['kind']} part ended: {body['end']}" + (f" ({body['detail']})" if body.get("detail") else "") + waiting + again


def _warned(warning: Body) -> str:
    told = msgspec.convert(warning, Warning)
    return f"{told.place}: {told.detail}" if told.place else told.detail


SENTENCES: dict[str, Callable[[Body], str]] = {
    "studio.render.requested": lambda body: "the render was asked for",
    "render.job.submitted": lambda body: f"the farm took it: {body['frames_total']} frames, priority {body['priority']}",
    "render.job.planned": lambda body: (
        ("planned anew, as no node has the builds that it was begun with: " if body.get("again") else "")
        + f"cut into {body['segments_total']} segments, {body['segments_done']} of them drawn before"
    ),
    "render.segment.planned": lambda body: f"segments {body['offset']} to {body['offset'] + len(body['segments']) - 1} are known",
    "render.job.started": lambda body: "the first part was given to a node",
    "render.part.assigned": lambda body: (
        f"a {body['kind']} part"
        + (f" of {_count(body['count'], 'segment', 'segments')} from {body['first']} on" if body["count"] else "")
        + f" was given to node {body['node_id'][:8]}, epoch {body['epoch']}"
    ),
    "render.part.ended": _ended,
    "render.segment.verified": lambda body: (
        f"a segment of {body['frames']} frames was accepted"
        + (" (not as designed)" if body["degraded"] else "")
        + ("; the part is done" if body.get("ends") else "")
    ),
    "render.job.advanced": lambda body: f"{body['segments_done']} segments, {body['frames_done']} frames are there",
    "render.job.warned": lambda body: "it will not look as it was meant: " + "; ".join(map(_warned, body["warnings"])),
    "render.job.assembling": lambda body: "all segments are there; the film is being joined",
    "render.job.paused": lambda body: "paused",
    "render.job.resumed": lambda body: "resumed",
    "render.job.rescheduled": lambda body: f"priority {body['priority']}" + (f", deadline {body['deadline']}" if body["deadline"] else ""),
    "render.job.completed": lambda body: f"completed: {body['frames']} frames",
    "render.job.failed": lambda body: f"failed: {body['code']}: {body['detail']}",
    "render.job.cancelled": lambda body: "cancelled",
    "render.job.set_back": lambda body: f"{_count(len(body['waiting']), 'segment is', 'segments are')} to be drawn again",
    "render.repair.requested": lambda body: (
        f"{_count(len(body['before']), 'segment', 'segments')} of it to be repaired ({body['cause']}): {body['reason']}"
    ),
    "render.repair.drawn": lambda body: "what was repaired is there, byte for byte as before; the export is looked at",
    "render.repair.assembling": lambda body: f"the export is joined anew: {body['reason']}",
    "render.export.replaced": lambda body: "the export was replaced by the one joined anew",
    "render.repair.ended": lambda body: f"the repair ended: {body['state']}" + (f" ({body['detail']})" if body.get("detail") else ""),
    "render.template.crashed": lambda body: (
        "its frames differ from one drawing to the next"
        if body["kind"] == "frames_differ"
        else f"its template ended an engine ({body['kind'].replace('_', ' ')})"
    ),
    "render.template.set_aside": lambda body: f"its template was set aside: {body['reason']}",
}
"""What an event means for the render it belongs to; a type that is not here is told by its name."""


class ExplanationRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a render is where it is, and how it will look: reasons, warnings, crashes by part and node, events with their log positions."""

    job_id: UUID
    state: JobState
    paused: bool
    segments_done: int
    segments_total: int
    reasons: list[Reason]
    warnings: list[Warning]
    crashes: list[Crashes]
    events: list[Step]


COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/explain",
        "explain_render",
        "render:read",
        "Explain why a render waits, is slow or failed",
        ExplanationRow,
        one=True,
        reads_platform=True,
        present=explain,
    ),
]
