"""Asking for a picture of a scene."""

from api_edge.routing import CommandRoute, QueryRoute
from contracts.studio.snapshots import RequestSnapshot

COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/snapshots",
        RequestSnapshot,
        "render:write",
        "Draw one frame of a scene as a picture",
        answers=201,
        location="/v1/snapshots/{snapshot_id}",
        dry_run=True,
    ),
]
QUERIES: list[QueryRoute] = []
