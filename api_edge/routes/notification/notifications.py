"""What people are told."""

from api_edge.entities import row_of
from api_edge.handlers.queries import YES_OR_NO
from api_edge.routing import CommandRoute, QueryRoute
from contracts.notification.notifications import NOTIFICATIONS, ReadNotification

COMMANDS = [
    CommandRoute("POST", "/v1/notifications/{notification_id}/read", ReadNotification, "notification:write", "Mark a notification as seen"),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/notifications",
        "notifications",
        "notification:read",
        "List notifications",
        row_of(NOTIFICATIONS),
        keyset=("created_at", "notification_id"),
        filters={"seen": YES_OR_NO},
    ),
]
