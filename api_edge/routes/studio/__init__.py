"""Routes of studio: saved projects, and asking for renders and snapshots of them."""

from api_edge.routes.studio import renders, saved_projects, snapshots
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (renders, saved_projects, snapshots)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
