"""Saved projects."""

from api_edge.entities import reads
from api_edge.routing import CommandRoute
from contracts.studio.saved_projects import SAVED, SaveProject

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
]
QUERIES = reads(SAVED, "/v1/saved-projects", "studio:read", "Read a filled template", "List filled templates")
