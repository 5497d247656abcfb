"""Saved projects, and asking for renders of them."""

from api_edge.entities import reads
from api_edge.routing import CommandRoute
from contracts.studio import SAVED, RequestRender, RequestSnapshot, SaveProject

COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/saved-projects",
        SaveProject,
        "studio:write",
        "Keep a filled template",
        answers=201,
        location="/v1/saved-projects/{saved_project_id}",
    ),
    CommandRoute("PUT", "/v1/saved-projects/{saved_project_id}", SaveProject, "studio:write", "Replace a filled template"),
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
QUERIES = reads(SAVED, "/v1/saved-projects", "studio:read", "Read a filled template", "List filled templates")
