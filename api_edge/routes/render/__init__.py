"""Routes of render: jobs, their parts and repairs, snapshots, and the farm's nodes."""

from api_edge.routes.render import enrolment, explanation, jobs, nodes, parts, repairs, snapshots, templates
from api_edge.routing import CommandRoute, QueryRoute

_AREAS = (enrolment, explanation, jobs, nodes, parts, repairs, snapshots, templates)

COMMANDS: list[CommandRoute] = [route for area in _AREAS for route in area.COMMANDS]
QUERIES: list[QueryRoute] = [route for area in _AREAS for route in area.QUERIES]
