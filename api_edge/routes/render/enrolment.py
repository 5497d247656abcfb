"""Nodes come to the farm by join tokens, ask whether they still may speak, and are shut out."""

import hmac
from typing import Literal
from uuid import UUID

import msgspec

from api_edge.auth.principals import JoinTokenPrincipal, NodePrincipal, Principal
from api_edge.auth.secret_texts import parted, secret_hash
from api_edge.auth.secrets import JOIN_TOKEN
from api_edge.edge import Call, Edge
from api_edge.errors import Refused, unavailable
from api_edge.handlers.commands import whole_body
from api_edge.routing import CommandRoute, QueryRoute, Row
from api_edge.rows import Versioned
from contracts.catalogue import node_role
from contracts.fields import Moment
from contracts.message import PLATFORM, Command
from contracts.render.enrolment import CreateJoinToken, IdentityState, JoinNode, RevokeJoinToken, RevokeNode, TokenState


class JoinTokenRow(Versioned, frozen=True, kw_only=True):
    """A join token, without its secret: open, used (by the node of `node_id`), expired or revoked."""

    token_id: UUID
    note: str
    hint: str
    state: Literal[TokenState, "expired"]
    expires_at: Moment
    node_id: UUID | None


class NodeStandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a node may speak to the farm: active or revoked."""

    node_id: UUID
    name: str
    state: IdentityState
    reason: str


class NewJoinToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new join token and its text, which is shown this once."""

    token_id: UUID
    note: str
    expires_at: Moment
    token: str


class JoinedNode(msgspec.Struct, frozen=True, kw_only=True):
    """Who a node is to the farm from now on, where the broker is, and the node's name there."""

    node_id: UUID
    name: str
    nats_url: str
    nats_user: str


async def by_join_token(edge: Edge, call: Call) -> Principal:
    """Whoever brings a join token that may still be good. Raises Refused for any other: nothing is recorded but the access log's line.

    A token that is open, or used by the very node that asks, is decided on by the render domain, which has the last word.
    """
    token_id, secret = _token(call)
    if edge.reader is None:
        raise unavailable("database")
    found = await edge.reader.select("join_token", str(PLATFORM), PLATFORM, token_id)
    row = found.rows[0] if found.rows else None
    if row is None or not hmac.compare_digest(row["secret_sha256"], secret_hash(secret)):
        raise _unknown_token()
    at = f"{row['updated_at']:%Y-%m-%d %H:%M:%S} UTC"
    if row["state"] == "revoked":
        raise Refused("join.token_revoked", f"The join token {token_id} was revoked at {at}.")
    if row["state"] == "expired":
        raise Refused("join.token_expired", f"The join token {token_id} has expired at {row['expires_at']:%Y-%m-%d %H:%M:%S} UTC.")
    if row["state"] == "used" and not await _asks_again(call, row["holder"]):
        raise Refused("join.token_used", f"The join token {token_id} was used at {at}, by node {row['node_id']}.")
    return JoinTokenPrincipal.of(token_id, secret_hash(secret))


async def _asks_again(call: Call, holder: str | None) -> bool:
    """Whether the node that joined by a used token asks once more, as its answer was lost."""
    try:
        body = msgspec.json.decode(await whole_body(call.request))
    except (msgspec.DecodeError, RecursionError):
        return False
    given = body.get("secret_sha256") if isinstance(body, dict) else None
    return isinstance(given, str) and holder is not None and hmac.compare_digest(holder.encode(), given.encode("utf-8", "replace"))


def with_token(edge: Edge, call: Call, command: JoinNode) -> Command:
    """Say which token was brought, and the hash of its secret."""
    token_id, secret = _token(call)
    return msgspec.structs.replace(command, token_id=token_id, token_sha256=secret_hash(secret))


async def say_where(edge: Edge, body: Row) -> None:
    """Tell the new node where the broker is, and its name there."""
    body["nats_url"], body["nats_user"] = edge.nats_url, node_role(body["node_id"]).name


async def by_node_secret(edge: Edge, call: Call) -> Principal:
    """The node that the path names, by its own secret. Raises Refused for anybody else."""
    node_id, given = call.path_uuid("node_id"), parted("fn", _bearer(call))
    if edge.reader is None:
        raise unavailable("database")
    row = None
    if node_id is not None and given is not None and given[0] == node_id.hex:
        found = await edge.reader.select("node_identity", str(PLATFORM), PLATFORM, node_id)
        row = found.rows[0] if found.rows else None
    if row is None or given is None or node_id is None or not hmac.compare_digest(row["secret_sha256"], secret_hash(given[1])):
        raise Refused("auth.invalid", "This is not the secret of that node.")
    return NodePrincipal.of(node_id)


def _token(call: Call) -> tuple[UUID, str]:
    given = parted("fj", _bearer(call))
    if given is None:
        raise _unknown_token()
    return UUID(given[0]), given[1]


def _unknown_token() -> Refused:
    return Refused("join.unknown_token", "This join token was never given out.")


def _bearer(call: Call) -> str:
    scheme, _, text = call.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Refused("auth.missing", "This needs `Authorization: Bearer …` with a join token, `fj1_…`, or a node's secret, `fn_…`.")
    return text.strip()


COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/join-tokens",
        CreateJoinToken,
        "farm:write",
        "Create a token by which one node may join the farm",
        answers=201,
        told=NewJoinToken,
        secret=JOIN_TOKEN,
        for_platform=True,
    ),
    CommandRoute("POST", "/v1/join-tokens/{token_id}/revoke", RevokeJoinToken, "farm:write", "Revoke a join token", for_platform=True),
    CommandRoute(
        "POST",
        "/v1/nodes/join",
        JoinNode,
        "",
        "Join the farm by a join token, which is sent as the bearer",
        answers=201,
        hidden=("token_id", "token_sha256"),
        told=JoinedNode,
        prepare=with_token,
        reveal=say_where,
        for_platform=True,
        admit=by_join_token,
    ),
    CommandRoute("POST", "/v1/nodes/{node_id}/revoke", RevokeNode, "farm:write", "Shut a node out for good", for_platform=True),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/join-tokens",
        "join_tokens",
        "farm:read",
        "List join tokens",
        JoinTokenRow,
        keyset=("created_at", "token_id"),
        reads_platform=True,
    ),
    QueryRoute(
        "GET",
        "/v1/nodes/{node_id}/standing",
        "node_standing",
        "",
        "Whether a node may speak to the farm; it asks with `fn_<its id>_<its secret>` as the bearer",
        NodeStandingRow,
        one=True,
        reads_platform=True,
        admit=by_node_secret,
    ),
]
