"""Renders, their parts, and the farm's nodes."""

from api_edge import presenters, rows
from api_edge.queries import as_text
from api_edge.routing import CommandRoute, QueryRoute
from contracts.render import CancelJob

COMMANDS = [CommandRoute("POST", "/v1/renders/{job_id}/cancel", CancelJob, "render:write", "Stop a render")]
QUERIES = [
    QueryRoute(
        "GET", "/v1/renders/{job_id}", "render_by_id", "render:read", "Read a render", rows.RenderRow, one=True, present=presenters.render
    ),
    QueryRoute(
        "GET",
        "/v1/renders",
        "renders",
        "render:read",
        "List renders",
        rows.RenderRow,
        keyset=("created_at", "job_id"),
        filters={"state": as_text},
        present=presenters.render,
    ),
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}/parts",
        "parts_of_render",
        "render:read",
        "List which nodes drew what",
        rows.RenderPartRow,
        keyset=("created_at", "part_id"),
        farm=True,
    ),
    QueryRoute("GET", "/v1/nodes", "nodes", "render:read", "List the farm's nodes", rows.NodeRow, keyset=("name", "node_id"), farm=True),
]
