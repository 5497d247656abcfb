"""Nodes: registered, lost, crashed, steered by operators."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from contracts.entity import Entity, Row
from contracts.fields import Moment
from contracts.message import Command, Event, message
from contracts.visibility import Public

CrashKind = Literal["engine_crash", "engine_hang", "out_of_memory", "out_of_disk", "daemon_death", "machine_silence", "frames_differ"]
"""What died; frames_differ: nothing, but a frame was another picture when it was drawn a second time."""
Service = Literal["open", "draining", "maintenance", "set_aside"]
"""Whether a node gets work: open does; draining and maintenance by a person's word; set_aside after too many failures."""
NodeState = Literal["active", "lost", "left", "revoked"]


class NodeServiceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a node gets work now."""

    node_id: UUID
    service: Service


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a node has beside its builds."""

    memory: Public[int] = 0  # bytes for each slot; 0 = the node does not say
    fonts: Public[tuple[str, ...]] = ()  # families installed on the machine
    labels: Public[tuple[str, ...]] = ()  # words that its operator gave it
    short_slots: Public[int] = 0  # extra slots for short kinds of work
    guards: Public[tuple[str, ...]] = ()  # what its engines are held in: network, view, user, privileges, files, calls, limits


class Suspect(msgspec.Struct, frozen=True):
    """A template that ended an engine of a node for good, and when."""

    tenant: UUID
    template: str
    at: Moment


class Node(Row, frozen=True, kw_only=True):
    """A render node of the farm; it gets work while its `state` is active and its `service` open."""

    node_id: Public[UUID]
    name: Public[str]
    epoch: int
    state: Public[NodeState]
    slots: Public[Annotated[int, msgspec.Meta(ge=1, le=256)]]
    engine_build: Public[str]
    encoder_build: Public[str]
    platform: Public[str]
    release: Public[str]
    capabilities: Public[Capabilities] = Capabilities()
    bundles: tuple[str, ...] = ()
    service: Public[Service] = "open"
    service_reason: Public[str] = ""
    service_until: Public[Moment | None] = None  # set_aside: when it is forgiven by itself; else when that was, the last time
    set_asides: int = 0  # in a row
    suspects: tuple[Suspect, ...] = ()  # lately
    protocol: int = 2  # as NodeRegistered said


class NodeCrash(Row, frozen=True, kw_only=True):
    """Something that died on a node: what, at which frame, and the last it said."""

    crash_id: Public[UUID]
    node_id: Public[UUID]
    kind: Public[CrashKind]
    part_id: Public[UUID | None]
    subject_id: Public[UUID | None]
    template: Public[str]
    signal: Public[int]
    exit_code: Public[int]
    last_frame: Public[int]
    log_tail: Public[str]


NODES = Entity(
    "render.render_nodes",
    Node,
    key=("node_id",),
    about="render nodes by their latest registration",
    indexes=(("state",),),
    view="nodes",
    newest=False,
)
CRASHES = Entity(
    "render.node_crashes", NodeCrash, key=("crash_id",), about="engines, daemons and machines that died, with the last they said"
)


@message("render.node.registered")
class NodeRegistered(Event, frozen=True, kw_only=True):
    """A node offers its slots; `epoch` counts its registrations."""

    node_id: UUID
    name: str
    epoch: int
    slots: int
    engine_build: str
    encoder_build: str
    release: str
    platform: str
    capabilities: Capabilities = Capabilities()
    bundles: tuple[str, ...] = ()  # SHA-256 of templates that it holds, the latest used first
    protocol: int = 2  # that it speaks; events of earlier releases do not say it


@message("render.node.lose")
class LoseNode(Command, frozen=True, kw_only=True):
    """A node was silent for longer than the lease."""

    node_id: UUID
    epoch: int
    last_heard: datetime


@message("render.node.lost")
class NodeLost(Event, frozen=True, kw_only=True):
    """A node's leases are over until it registers again."""

    node_id: UUID
    epoch: int


@message("render.node.left")
class NodeLeft(Event, frozen=True, kw_only=True):
    """A node stopped in an orderly way."""

    node_id: UUID
    epoch: int


@message("render.node.crashed")
class NodeCrashed(Event, frozen=True, kw_only=True):
    """Something died on a node while it worked: what, where and the last it said."""

    crash_id: UUID
    node_id: UUID
    kind: CrashKind
    part_id: UUID | None
    subject_id: UUID | None
    template: str  # the bundle's SHA-256, where one was open
    signal: int
    exit_code: int
    last_frame: int
    log_tail: str


@message("render.node.suspected")
class NodeSuspected(Event, frozen=True, kw_only=True):
    """These templates ended engines on a node lately; those that are to blame themselves are not among them."""

    node_id: UUID
    suspects: tuple[Suspect, ...]


@message("render.node.drain")
class DrainNode(Command[NodeServiceAnswer], frozen=True, kw_only=True):
    """Give a node no more work; with `force` what it holds goes elsewhere at once."""

    node_id: UUID
    force: bool = False
    reason: str = ""


@message("render.node.maintain")
class MaintainNode(Command[NodeServiceAnswer], frozen=True, kw_only=True):
    """Give a node no work until a person opens it, also when it registers anew; with `force` what it holds goes elsewhere at once."""

    node_id: UUID
    force: bool = False
    reason: str = ""


@message("render.node.distrust")
class DistrustNode(Command, frozen=True, kw_only=True):
    """A node's reports are refused or unreadable more often than any honest node's: it is set aside."""

    node_id: UUID
    count: int  # such reports within a minute


@message("render.node.open")
class OpenNode(Command[NodeServiceAnswer], frozen=True, kw_only=True):
    """Put a node back to work and forget its failures."""

    node_id: UUID
    reason: str = ""


@message("render.node.forgive")
class ForgiveNode(Command, frozen=True, kw_only=True):
    """A set-aside node's time is over; `until` names the setting aside that is meant."""

    node_id: UUID
    until: datetime


@message("render.node.steered")
class NodeSteered(Event, frozen=True, kw_only=True):
    """A node's service changed."""

    node_id: UUID
    service: Service
    force: bool = False  # what it holds goes elsewhere at once
    reason: str = ""
    until: Moment | None = None  # set_aside: when it is forgiven by itself; else when that was, the last time
    set_asides: int = 0  # in a row: each lasts twice as long as the one before
