"""Routes of notification: what people are told."""

from api_edge.routes.notification import notifications
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (notifications,)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
