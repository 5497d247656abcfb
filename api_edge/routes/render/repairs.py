"""What of a render was drawn again."""

from api_edge.entities import row_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.render.repairs import REPAIRS, RequestRepair

COMMANDS = [
    CommandRoute("POST", "/v1/renders/{job_id}/repair", RequestRepair, "render:write", "Have frames of a render drawn again"),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/repairs",
        "repairs_of_render",
        "render:read",
        "List what of a render was drawn again",
        row_of(REPAIRS),
        keyset=("created_at", "repair_id"),
    ),
]
