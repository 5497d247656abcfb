"""The farm's nodes, how they fare, and what died on them."""

from typing import get_args
from uuid import UUID

import msgspec

from api_edge.handlers.queries import AN_ID, one_of
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.fields import Moment
from contracts.render.nodes import Capabilities, CrashKind, DrainNode, MaintainNode, NodeState, OpenNode, Service


class NodeRow(Versioned, frozen=True, kw_only=True):
    """A render node of the farm; it gets work while its `state` is active and its `service` open."""

    node_id: UUID
    name: str
    state: NodeState
    service: Service
    service_reason: str
    service_until: Moment | None
    slots: int
    engine_build: str
    encoder_build: str
    platform: str
    release: str
    capabilities: Capabilities


class NodeHealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a node fared: share of its processors (0 to 1), bytes, the average load of a minute, parts that it held."""

    node_id: UUID
    at: Moment
    cpu: float
    memory: int
    disk_free: int
    load: float
    parts: int


class NodeCrashRow(Versioned, frozen=True, kw_only=True):
    """Something that died on a node: what, at which frame, and the last it said."""

    crash_id: UUID
    node_id: UUID
    node_name: str
    kind: CrashKind
    part_id: UUID | None
    subject_id: UUID | None
    template: str
    signal: int
    exit_code: int
    last_frame: int
    log_tail: str


COMMANDS = [
    CommandRoute("POST", "/v1/nodes/{node_id}/drain", DrainNode, "farm:write", "Give a node no more work", for_platform=True),
    CommandRoute(
        "POST", "/v1/nodes/{node_id}/maintain", MaintainNode, "farm:write", "Keep a node from work until it is opened", for_platform=True
    ),
    CommandRoute("POST", "/v1/nodes/{node_id}/open", OpenNode, "farm:write", "Put a node back to work", for_platform=True),
]
QUERIES = [
    QueryRoute(
        "GET", "/v1/nodes", "nodes", "render:read", "List the farm's nodes", NodeRow, keyset=("name", "node_id"), reads_platform=True
    ),
    QueryRoute("GET", "/v1/nodes/{node_id}", "node_by_id", "render:read", "Read a node", NodeRow, one=True, reads_platform=True),
    QueryRoute(
        "GET",
        "/v1/nodes/{node_id}/health",
        "node_health",
        "farm:read",
        "List how a node fared",
        NodeHealthRow,
        keyset=("at",),
        reads_platform=True,
    ),
    QueryRoute(
        "GET",
        "/v1/node-crashes",
        "node_crashes",
        "farm:read",
        "List what died on nodes",
        NodeCrashRow,
        keyset=("created_at", "crash_id"),
        filters={"node_id": AN_ID, "kind": one_of(*get_args(CrashKind))},
        reads_platform=True,
    ),
]
