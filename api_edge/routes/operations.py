"""What became of commands."""

from typing import Any, Literal

import msgspec

from api_edge.errors import ProblemBody
from api_edge.handlers import operations
from api_edge.routing import CommandRoute, QueryRoute
from contracts.fields import Moment
from contracts.outcome import State


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command: pending, done (with its answer), refused (with its problem) or quarantined."""

    id: str
    state: Literal["pending", State]
    type: str = ""
    decided_at: Moment | None = None
    body: dict[str, Any] | None = None  # what the request would have been answered
    problem: ProblemBody | None = None


COMMANDS: list[CommandRoute] = []
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/operations/{operation_id}",
        "operation_by_id",
        "",
        "Read what became of a command",
        OperationRow,
        one=True,
        reads_platform=True,
        may_be_empty=True,
        params={"operation_id": operations.to_command_id},
        present=operations.present,
        complete=operations.complete,
    )
]
