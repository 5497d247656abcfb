"""The tables of all routes, by area."""

import sql
from api_edge.routes import content, effects, file_mgr, identity, log, notification, operations, render, studio
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (file_mgr, content, studio, render, notification, identity, effects, log, operations)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]


def statements() -> dict[str, str]:
    """Every statement of the edge by its name: those of sql/read, and those that are derived (`api_edge.entities`)."""
    return {**vars(sql.load("read")), **{route.query: route.text for route in QUERIES}}
