"""Routes of studio: saved projects, and asking for renders and snapshots of them."""

from api_edge.routes.studio import renders, saved_projects, snapshots
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = [*renders.COMMANDS, *saved_projects.COMMANDS, *snapshots.COMMANDS]
QUERIES: list[QueryRoute] = [*renders.QUERIES, *saved_projects.QUERIES, *snapshots.QUERIES]
