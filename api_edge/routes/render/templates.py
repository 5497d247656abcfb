"""Templates that are not drawn."""

from uuid import UUID

from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.render.templates import ReleaseTemplate


class SetAsideTemplateRow(Versioned, frozen=True, kw_only=True):
    """A template (by its bundle's SHA-256) that is not drawn, as it ended engines on several nodes."""

    template: str
    reason: str
    crashed_on: tuple[UUID, ...]


COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/set-aside-templates/{template}/release",
        ReleaseTemplate,
        "render:write",
        "Let a set-aside template be drawn again",
        texts=("template",),
    ),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/templates/set-aside",
        "templates_set_aside",
        "render:read",
        "List templates that are not drawn",
        SetAsideTemplateRow,
        keyset=("template",),
    ),
]
