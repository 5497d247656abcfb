"""The audit log of the caller's tenant."""

from typing import Any
from uuid import UUID

import msgspec

from api_edge.edge import Call, Edge
from api_edge.handlers.queries import A_POSITION
from api_edge.routing import CommandRoute, Filter, QueryRoute, Row
from api_edge.stream.events import kind_of, public_types, shown
from api_edge.stream.tenant_log import page_of_log
from contracts.fields import Moment
from contracts.positions import position_text


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the tenant in the audit log; `hash` chains it to the one before."""

    position: int
    feed_id: str  # of the event in GET /v1/events: what `after` and Last-Event-ID take
    event_id: UUID
    type: str
    time: Moment
    actor: str
    correlation_id: UUID
    causation_id: UUID
    data: dict[str, Any]
    hash: str


def log(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Events with what may be told of their bodies, and their ids in the event stream."""
    epoch = edge.feed.head.epoch if edge.feed else 0
    for row in rows:
        row["feed_id"] = position_text(epoch, row["position"])
        kind = kind_of(row["type"])
        row["type"] = kind.name
        row["data"] = msgspec.Raw(shown(kind, row["body"].encode()))
    return rows


def _type(edge: Edge, text: str) -> str:
    if not 0 < len(text) <= 100 or not public_types(text):
        raise ValueError(f"it must begin a type; there are {', '.join(sorted(kind_of(name).name for name in public_types()))}")
    return text


A_TYPE = Filter(_type, {"type": "string", "minLength": 1, "maxLength": 100})
COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/log",
        "log_of_tenant",
        "log:read",
        "Read the event log",
        LogRow,
        keyset=("position",),
        filters={"type": A_TYPE, "after": A_POSITION},
        present=log,
        walk=page_of_log,
    )
]
