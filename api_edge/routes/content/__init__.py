"""The routes of content."""

from api_edge.routes.content import categories, projects
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (projects, categories)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
