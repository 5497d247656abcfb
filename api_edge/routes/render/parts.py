"""Which nodes drew what of a render."""

from uuid import UUID

from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.render.parts import PartKind, PartState


class RenderPartRow(Versioned, frozen=True, kw_only=True):
    """A run of a render's segments that a node was given."""

    part_id: UUID
    kind: PartKind
    node_id: UUID
    node_name: str
    epoch: int
    first: int
    count: int
    state: PartState
    detail: str


COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/parts",
        "parts_of_render",
        "render:read",
        "List which nodes drew what",
        RenderPartRow,
        keyset=("created_at", "part_id"),
        reads_platform=True,
    ),
]
