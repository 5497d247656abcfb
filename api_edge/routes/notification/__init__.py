"""Routes of notification: what people are told."""

from api_edge.routes.notification import notifications
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = [*notifications.COMMANDS]
QUERIES: list[QueryRoute] = [*notifications.QUERIES]
