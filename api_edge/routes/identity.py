"""API keys, and who asks."""

import asyncio
from uuid import UUID

import msgspec

from api_edge import presenters, rows
from api_edge.edge import Call, Edge
from api_edge.errors import Refused
from api_edge.routing import CommandRoute, QueryRoute, Row
from api_edge.signing import key_hash, key_hint, key_text
from contracts.identity import CreateApiKey, RevokeApiKey
from contracts.message import Command


def with_secret(edge: Edge, call: Call, id: UUID, command: CreateApiKey) -> Command:
    """Derive the new key's secret; only its hash goes on. Nobody makes a key that may do more than their own."""
    lacking = [scope for scope in command.scopes if not call.who.may(scope)]
    if lacking:
        raise Refused("auth.scope", f"A key cannot give what it does not have: {', '.join(lacking)[:200]}.", "scopes")
    secret = edge.signer.key_secret(id)
    return msgspec.structs.replace(command, secret_sha256=key_hash(secret), hint=key_hint(secret))


async def reveal(edge: Edge, command_id: UUID, body: Row) -> None:
    """Show the new key, this once, as soon as this edge takes it."""
    key_id = UUID(body["key_id"])
    body["key"] = key_text(key_id, edge.signer.key_secret(command_id))
    for _ in range(50):  # half a second at most: the event is on its way already
        if key_id in edge.keys:
            return
        await asyncio.sleep(0.01)


COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/api-keys",
        CreateApiKey,
        "identity:write",
        "Create an API key",
        answers=201,
        hidden=("secret_sha256", "hint"),
        prepare=with_secret,
        reveal=reveal,
    ),
    CommandRoute("DELETE", "/v1/api-keys/{key_id}", RevokeApiKey, "identity:write", "Revoke an API key"),
]
QUERIES = [
    QueryRoute("GET", "/v1/api-keys", "api_keys", "identity:read", "List API keys", rows.ApiKeyRow, keyset=("created_at", "key_id")),
    QueryRoute("GET", "/v1/me", "tenant_by_id", "", "Who asks: the tenant and the key", rows.MeRow, one=True, present=presenters.me),
]
