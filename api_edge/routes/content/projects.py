"""Templates and their scenes."""

import msgspec

from api_edge.entities import newest, one, row_of
from api_edge.routing import CommandRoute, QueryRoute
from contracts.content.projects import PROJECTS, SCENES, CreateProject
from contracts.spec import ColourPreset, Element


class Presets(msgspec.Struct, frozen=True, kw_only=True):
    """A template."""

    presets: tuple[ColourPreset, ...]


class Elements(msgspec.Struct, frozen=True, kw_only=True):
    """A scene of a template with what can be changed in it; sizes in pixels, duration in seconds."""

    elements: tuple[Element, ...]


PROJECT = row_of(PROJECTS, Presets)
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
    one(PROJECTS, "/v1/projects/{project_id}", "content:read", "Read a template", also=Presets, row=PROJECT),
    newest(PROJECTS, "/v1/projects", "content:read", "List templates", also=Presets, row=PROJECT),
    QueryRoute(
        "GET",
        "/v1/projects/{project_id}/scenes",
        "scenes_of_project",
        "content:read",
        "List a template's scenes",
        row_of(SCENES, Elements),
        keyset=("position",),
    ),
]
