"""Operations: what became of a command that was answered with 202."""

from typing import Any

from api_edge import errors
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.keys import Principal
from api_edge.outcomes import read_outcome
from api_edge.routing import Row
from api_edge.signing import Operation
from contracts.message import PLATFORM
from contracts.outcome import NOT_HANDLED, Outcome, State


async def operation_state(edge: Edge, who: Principal, id: Any) -> Outcome | None:
    """The stored outcome of a command; None when no consumer has decided it, or the database cannot say."""
    if edge.reader is None:
        return None
    try:
        found = await edge.reader.select("operation_by_id", f"{who.tenant_text},{PLATFORM}", who.tenant, id)
    except Refused:
        return None
    return outcome_of(found.rows[0]) if found.rows else None


def outcome_of(row: Row) -> Outcome | None:
    """The outcome in a row of read.operations; None while it is decided anew."""
    if row["state"] not in State.__args__:  # type: ignore[attr-defined]
        return None
    return read_outcome(row["outcome"])


def present(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """The operation as clients read it; a genuine id without a row is pending. Raises Refused when its key was used for another request."""
    text = call.request.match_info["operation_id"]
    operation = parse(edge, call, text)
    if not rows or (outcome := outcome_of(rows[0])) is None:
        return [{"id": text, "state": "pending"}]
    if rows[0]["request_hash"] and not rows[0]["request_hash"].startswith(operation.request_hash):
        raise Refused(
            "idempotency.other_body", "This Idempotency-Key was used for another request; the first one stands.", "Idempotency-Key"
        )
    answer: Row = {"id": text, "state": outcome.state, "type": rows[0]["type"], "decided_at": rows[0]["decided_at"]}
    if outcome.state == "quarantined":  # an earlier release stored the reason, which is for operators
        answer["problem"] = errors.body_of(NOT_HANDLED, f"/v1/operations/{text}")
    elif outcome.problem:
        answer["problem"] = errors.body_of(outcome.problem, f"/v1/operations/{text}")
    if bytes(outcome.body):
        answer["body"] = outcome.body
    return [answer]


def parse(edge: Edge, call: Call, text: str) -> Operation:
    """Read an operation id. Raises Refused (404) for one that we never made for the caller's tenant."""
    operation = edge.signer.read_operation_id(call.who.tenant, text)
    if operation is None:
        raise Refused("operation.not_found", "This is no operation's id.", "operation_id")
    return operation


def to_command_id(edge: Edge, call: Call, text: str) -> Any:
    """The command that an operation id names."""
    return parse(edge, call, text).command_id
