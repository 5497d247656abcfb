"""Operations: what became of a command that was answered with 202."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from api_edge import errors
from api_edge.auth import secrets
from api_edge.auth.principals import Principal
from api_edge.auth.secrets import SecretKind
from api_edge.auth.signing import Operation, asker_mark, random_id
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.handlers.masks import shown_answer
from api_edge.handlers.outcomes import read_outcome
from api_edge.handlers.publishing import ask
from api_edge.routing import Row
from contracts.envelope import Envelope
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.secrets import RevealSecret
from contracts.message import PLATFORM, Command, named, type_of
from contracts.outcome import NOT_HANDLED, Outcome, State
from contracts.render.enrolment import CreateJoinToken
from contracts.visibility import Mask
from producers.publisher import PublishFailed

REVEAL_WITHIN = 5.0  # seconds
SECRETS: dict[str, SecretKind] = {
    type_of(CreateApiKey).full_name: secrets.API_KEY,
    type_of(CreateJoinToken).full_name: secrets.JOIN_TOKEN,
}
"""The commands whose outcomes hold a salt; tests/unit/edge/test_tables.py compares them with the routes."""


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
    if not operation.of_request(rows[0]["request_hash"]):
        raise Refused(
            "idempotency.other_body", "This Idempotency-Key was used for another request; the first one stands.", "Idempotency-Key"
        )
    answer: Row = {"id": text, "state": outcome.state, "type": rows[0]["type"], "decided_at": rows[0]["decided_at"]}
    problem = NOT_HANDLED if outcome.state == "quarantined" else outcome.problem  # what went wrong inside is not for outside
    if problem:
        answer["problem"] = errors.body_of(problem, f"/v1/operations/{text}")
    if bytes(outcome.body):
        answer["body"] = msgspec.json.decode(_shown(answer["type"])(outcome.body), type=dict[str, msgspec.Raw])
    return [answer]


@cache
def _shown(full_name: str) -> Mask:
    """What is shown of the body that a type of command was answered with; of a type that is unknown here nothing."""
    entry = named(full_name)
    return shown_answer(entry.cls) if entry and issubclass(entry.cls, Command) else lambda _: b"{}"


async def complete(edge: Edge, call: Call, row: Row, answer: Row) -> None:
    """Show the secret that the command made: once, and to who asked for it."""
    kind = SECRETS.get(row["type"])
    if kind is None or answer["state"] != "done" or row["shown"]:
        return
    operation = parse(edge, call, answer["id"])
    body: dict[str, Any] = msgspec.json.decode(read_outcome(row["outcome"]).body)
    if operation.asker != asker_mark(call.who.asker) or "salt" not in body:
        return
    text = secrets.text_of(edge.signer, kind, operation.command_id, body)
    if await _may_show(edge, call, RevealSecret(command_id=operation.command_id, what=kind.shown, thing_id=body[kind.id])):
        answer["body"][kind.shown] = text


async def _may_show(edge: Edge, call: Call, command: RevealSecret) -> bool:
    """Whether it is ours to show: identity lets one do it. When nobody says so in time, it is not."""
    id, who = random_id(), call.who
    envelope = Envelope(
        id=id,
        type=type_of(command).full_name,
        tenant=who.tenant,
        time=datetime.now(UTC),
        actor=who.actor,
        correlation=call.id,
        causation=id,
    )
    try:
        outcome = await ask(edge, lambda publisher, asked: publisher.publish(command, asked), envelope, REVEAL_WITHIN)
    except (PublishFailed, Refused):
        return False
    return outcome is not None and outcome.state == "done"


def parse(edge: Edge, call: Call, text: str) -> Operation:
    """Read an operation id. Raises Refused (404) for one that we never made for the caller's tenant."""
    operation = edge.signer.read_operation_id(call.who.tenant, text)
    if operation is None:
        raise Refused("operation.not_found", "This is no operation's id.", "operation_id")
    return operation


def to_command_id(edge: Edge, call: Call, text: str) -> Any:
    """The command that an operation id names."""
    return parse(edge, call, text).command_id
