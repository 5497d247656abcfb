"""Templates and their scenes."""

from api_edge import rows
from api_edge.entities import row_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.content.projects import PROJECTS, SCENES, CreateProject

COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/projects",
        CreateProject,
        "content:write",
        "Make a template out of a file",
        answers=201,
        location="/v1/projects/{project_id}",
    )
]
PROJECT = row_of(PROJECTS, rows.Presets)
QUERIES = [
    QueryRoute("GET", "/v1/projects/{project_id}", "project_by_id", "content:read", "Read a template", PROJECT, one=True),
    QueryRoute("GET", "/v1/projects", "projects", "content:read", "List templates", PROJECT, keyset=("created_at", "project_id")),
    QueryRoute(
        "GET",
        "/v1/projects/{project_id}/scenes",
        "scenes_of_project",
        "content:read",
        "List a template's scenes",
        row_of(SCENES, rows.Elements),
        keyset=("position",),
    ),
]
