"""The tables of all routes, by area."""

from api_edge.routes import content, effects, enrolment, files, identity, log, notification, operations, render, studio
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (files, content, studio, render, enrolment, notification, identity, effects, log, operations)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
