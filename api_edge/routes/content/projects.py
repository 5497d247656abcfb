"""Templates and their scenes."""

from api_edge import rows
from api_edge.routing import CommandRoute, QueryRoute
from contracts.content.projects import CreateProject

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
QUERIES = [
    QueryRoute("GET", "/v1/projects/{project_id}", "project_by_id", "content:read", "Read a template", rows.ProjectRow, one=True),
    QueryRoute("GET", "/v1/projects", "projects", "content:read", "List templates", rows.ProjectRow, keyset=("created_at", "project_id")),
    QueryRoute(
        "GET",
        "/v1/projects/{project_id}/scenes",
        "scenes_of_project",
        "content:read",
        "List a template's scenes",
        rows.SceneRow,
        keyset=("position",),
    ),
]
