"""What is still to be done in the world for a tenant, and what it does about that."""

from api_edge import rows
from api_edge.queries import A_WORD, one_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.domains import DOMAINS
from contracts.effects import STATES, STEER

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
        filters={"state": one_of(*STATES), "kind": A_WORD, "domain": one_of(*DOMAINS)},
        bounded=True,
    )
]
