"""The audit log of the caller's tenant."""

from api_edge import presenters, rows
from api_edge.queries import A_POSITION, A_WORD
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.tenant_log import page_of_log

COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/log",
        "log_of_tenant",
        "log:read",
        "Read the event log",
        rows.LogRow,
        keyset=("position",),
        filters={"type": A_WORD, "after": A_POSITION},
        present=presenters.log,
        walk=page_of_log,
    )
]
