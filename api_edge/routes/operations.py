"""What became of commands."""

from api_edge import operations, rows
from api_edge.routing import CommandRoute, QueryRoute

COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/operations/{operation_id}",
        "operation_by_id",
        "",
        "Read what became of a command",
        rows.OperationRow,
        one=True,
        reads_platform=True,
        may_be_empty=True,
        params={"operation_id": operations.to_command_id},
        present=operations.present,
        complete=operations.complete,
    )
]
