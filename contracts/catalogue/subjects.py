"""Which stream a message belongs to, and the subjects that are not one message type's own."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

from contracts.domains import declared
from contracts.message import PLATFORM, Event, Kind, MessageType, all_types, named, versions_of

EVENTS = "EVENTS"
WORK = "WORK"
REPORTS = "REPORTS"
COPIES = frozenset({EVENTS, WORK, REPORTS})
"""Streams whose messages others hold too (log.events, the leases, the nodes), so that what the broker loses of them is sent again."""
_STREAMS = {Kind.EVENT: EVENTS, Kind.WORK: WORK, Kind.REPORT: REPORTS}
"""Of the kinds that go to one stream, whichever domain they name."""


def command_stream(domain: str) -> str:
    """The work queue of a domain's commands."""
    return f"CMD_{domain.upper()}"


@cache
def stream_of(entry: MessageType) -> str | None:
    """The stream that stores messages of this type; None for ticks, which no stream stores."""
    if entry.kind is Kind.TICK:
        return None
    return _STREAMS.get(entry.kind) or command_stream(entry.domain)


def command_subject(domain: str) -> str:
    """All commands of a domain."""
    return f"{Kind.COMMAND}.*.{domain}.>"


def decided_streams(domain: str) -> tuple[str, ...]:
    """The streams from which a domain takes what it decides: its commands, and the other kinds that it declares."""
    return (command_stream(domain), *(_STREAMS[kind] for kind in declared(domain).decides))


def work_subject(node: UUID | str) -> str:
    """All work for one node, or for `*`."""
    return f"{Kind.WORK}.{node}.>"


def report_subject(node: UUID | str) -> str:
    """All reports of one node."""
    return f"{Kind.REPORT}.{node}.>"


def tick_subject(scope: UUID | str) -> str:
    """All ticks of one node or tenant, or of `*`."""
    return f"{Kind.TICK}.{scope}.>"


def node_tick_subject(node: UUID | str) -> str:
    """All ticks that one node, or `*`, may send: a job's progress is told by the render domain alone."""
    return f"{Kind.TICK}.{node}.node.>"


def own_tick_subjects(domain: str) -> list[str]:
    """The subjects of a domain's own ticks, to all tenants."""
    return [entry.subject("*") for entry in all_types() if entry.kind is Kind.TICK and entry.domain == domain]


def whole_subject(kind: Kind) -> str:
    """All messages of a kind, of every scope."""
    return f"{kind}.*.>"


def heartbeat_subject(node: str = "*") -> str:
    """The heartbeats of a node, or of all."""
    return _named("tick.node.daemon.beat.v1").subject(node)


def part_tick_subject(node: str = "*") -> str:
    """The part ticks of a node, or of all."""
    return _named("tick.node.part.tick.v1").subject(node)


def progress_subject(tenant: UUID | str = "*") -> str:
    """The progress of a tenant's jobs, or of all tenants'."""
    return _named("tick.render.job.progressed.v1").subject(tenant)


def outcome_subject(edge: str) -> str:
    """All outcomes for one edge instance (subscribe to it; `reply_subject` makes one)."""
    return f"out.{edge}.>"


def reply_subject(edge: str, request: str) -> str:
    """Where the outcome of one request of an edge instance is sent."""
    return f"out.{edge}.{request}"


def all_events_subject() -> str:
    """All events of all tenants."""
    return f"{Kind.EVENT}.>"


def feed_subject(tenant: UUID | str = "*") -> str:
    """The feed of stored events of one tenant, or of all; each message carries its position in the header Nats-Sequence."""
    return f"feed.{Kind.EVENT}.{tenant}.>"


def subjects_of(events: Iterable[type[Event]]) -> list[str]:
    """The subjects of these events, of all tenants, in every version."""
    return [entry.subject("*") for event in events for entry in versions_of(event)]


def feed_of_jobs() -> str:
    """The feed of all tenants' render jobs."""
    return f"feed.{Kind.EVENT}.*.render.job.>"


def revocations_subject() -> str:
    """The feed of nodes that were revoked, in every version of that event."""
    return f"feed.{_named('evt.render.node.revoked.v1').subject(PLATFORM)}".removesuffix("v1") + "*"


def outbox_hint_subject() -> str:
    """Published, empty, by a domain's runtime after a commit with events: wakes the sequencer."""
    return "hint.outbox"


def domain_waits_subject(domain: str = "*") -> str:
    """Published, empty, each second by a domain that can decide nothing, so that the edges refuse at once."""
    return f"waits.{domain}"


def undecided_subject(domain: str = "*") -> str:
    """Published by a domain's leader ten times a second while something comes, else every five seconds: how much waits of each tenant."""
    return f"queues.{domain}"


def uses_subject() -> str:
    """Published by each edge every half second in which somebody asked it: what was taken of whose limits."""
    return "edges.uses"


def _named(full_name: str) -> MessageType:
    entry = named(full_name)
    if entry is None:
        raise LookupError(f"{full_name} is not declared")
    return entry
