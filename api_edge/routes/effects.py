"""What is still to be done in the world for a tenant, and what it does about that."""

from api_edge import rows
from api_edge.queries import as_text
from api_edge.routing import CommandRoute, QueryRoute
from contracts.effects import STEER

COMMANDS = [
    CommandRoute("POST", f"/v1/effects/{domain}/{{effect_id}}", command, "effects:write", f"Act on an effect of {domain}")
    for domain, command in STEER.items()
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/effects",
        "effects",
        "effects:read",
        "List effects that are not over",
        rows.EffectRow,
        keyset=("created_at", "effect_id"),
        filters={"state": as_text, "kind": as_text, "domain": as_text},
        bounded=True,
    )
]
