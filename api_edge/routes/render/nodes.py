"""The farm's nodes, how they fare, and what died on them."""

from typing import get_args
from uuid import UUID

import msgspec

from api_edge.entities import row_of
from api_edge.handlers.queries import AN_ID, one_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.fields import Moment
from contracts.render.nodes import CRASHES, NODES, CrashKind, DrainNode, MaintainNode, OpenNode


class NodeHealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a node fared: share of its processors (0 to 1), bytes, the average load of a minute, parts that it held."""

    node_id: UUID
    at: Moment
    cpu: float
    memory: int
    disk_free: int
    load: float
    parts: int


class NodeName(msgspec.Struct, frozen=True, kw_only=True):
    """Something that died on a node: what, at which frame, and the last it said."""

    node_name: str


NODE = row_of(NODES)
COMMANDS = [
    CommandRoute("POST", "/v1/nodes/{node_id}/drain", DrainNode, "farm:write", "Give a node no more work", for_platform=True),
    CommandRoute(
        "POST", "/v1/nodes/{node_id}/maintain", MaintainNode, "farm:write", "Keep a node from work until it is opened", for_platform=True
    ),
    CommandRoute("POST", "/v1/nodes/{node_id}/open", OpenNode, "farm:write", "Put a node back to work", for_platform=True),
]
QUERIES = [
    QueryRoute("GET", "/v1/nodes", "nodes", "render:read", "List the farm's nodes", NODE, keyset=("name", "node_id"), reads_platform=True),
    QueryRoute("GET", "/v1/nodes/{node_id}", "node_by_id", "render:read", "Read a node", NODE, one=True, reads_platform=True),
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
        row_of(CRASHES, NodeName),
        keyset=("created_at", "crash_id"),
        filters={"node_id": AN_ID, "kind": one_of(*get_args(CrashKind))},
        reads_platform=True,
    ),
]
