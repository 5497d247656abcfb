"""Routes of render: jobs, their parts and repairs, snapshots, and the farm's nodes."""

from api_edge.routes.render import enrolment, explanation, jobs, nodes, parts, repairs, snapshots, templates
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = [
    *enrolment.COMMANDS,
    *explanation.COMMANDS,
    *jobs.COMMANDS,
    *nodes.COMMANDS,
    *parts.COMMANDS,
    *repairs.COMMANDS,
    *snapshots.COMMANDS,
    *templates.COMMANDS,
]
QUERIES: list[QueryRoute] = [
    *enrolment.QUERIES,
    *explanation.QUERIES,
    *jobs.QUERIES,
    *nodes.QUERIES,
    *parts.QUERIES,
    *repairs.QUERIES,
    *snapshots.QUERIES,
    *templates.QUERIES,
]
