"""Who asks: the tenant and the key."""

from uuid import UUID

import msgspec

from api_edge.auth.principals import KeyPrincipal, SessionPrincipal
from api_edge.edge import Call, Edge
from api_edge.routing import CommandRoute, QueryRoute, Row


class MeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the tenant, the API key or the person, and what they may do."""

    tenant_id: UUID
    name: str
    render_weight: int
    max_slots: int
    requests_per_second: int
    actor: str = ""  # what commands and events say of who asks
    key_id: UUID | None = None
    key_name: str = ""
    scopes: tuple[str, ...] = ()  # as they were granted
    permissions: tuple[str, ...] = ()  # every scope that this opens
    roles: tuple[str, ...] = ()  # of a person


def me(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """The tenant, and who asks with what rights."""
    who = call.who
    key_id, key_name = (who.credential, who.name) if isinstance(who, KeyPrincipal) else (None, "")
    shown: Row = {
        "actor": who.actor,
        "key_id": key_id,
        "key_name": key_name,
        "scopes": sorted(who.granted),
        "permissions": who.permissions(edge.scopes),
        "roles": who.roles if isinstance(who, SessionPrincipal) else (),
    }
    return [{**row, **shown} for row in rows]


COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute("GET", "/v1/me", "tenant_by_id", "", "Who asks, and what they may do", MeRow, one=True, present=me),
]
