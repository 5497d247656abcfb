"""Asking for a render."""

from api_edge.routing import CommandRoute, QueryRoute
from contracts.studio.renders import RequestRender

COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/renders",
        RequestRender,
        "render:write",
        "Render a template or a saved project",
        answers=201,
        location="/v1/renders/{job_id}",
        dry_run=True,
    ),
]
QUERIES: list[QueryRoute] = []
