"""Routes of identity: tenants and API keys."""

from api_edge.routes.identity import api_keys, tenants
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (api_keys, tenants)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
