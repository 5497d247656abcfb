"""Routes of identity: tenants and API keys."""

from api_edge.routes.identity import api_keys, tenants
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = [*api_keys.COMMANDS, *tenants.COMMANDS]
QUERIES: list[QueryRoute] = [*api_keys.QUERIES, *tenants.QUERIES]
