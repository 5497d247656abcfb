"""API keys."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec

from api_edge.auth import grants
from api_edge.auth.secrets import API_KEY
from api_edge.edge import Call, Edge
from api_edge.entities import newest, row_of
from api_edge.errors import Refused
from api_edge.routing import CommandRoute, Row
from contracts.fields import Moment
from contracts.identity.api_keys import API_KEYS, CreateApiKey, RevokeApiKey
from contracts.message import Command


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    rotate_by: Moment | None = None  # when a key of format 1 is to be replaced


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new API key and its text, which is shown this once."""

    key_id: UUID
    name: str
    scopes: tuple[str, ...]
    key: str


def no_more(edge: Edge, call: Call, command: CreateApiKey) -> Command:
    """Nobody makes a key with a scope that does not exist, or that may do more than their own."""
    known = set(grants.grants(edge.scopes))
    for number, scope in enumerate(command.scopes):
        if scope not in known:
            detail = f"{scope[:80]} is no scope; there are: {', '.join(grants.grants(edge.scopes))}."
            raise Refused("identity.scope", detail, f"scopes[{number}]")
    lacking = [scope for scope in command.scopes if not call.who.may(scope)]
    if lacking:
        raise Refused("auth.scope", f"A key cannot give what it does not have: {', '.join(lacking)[:200]}.", "scopes")
    return command


async def until_taken(edge: Edge, body: Row) -> None:
    """Answer as soon as this edge takes the new key."""
    key_id = UUID(body["key_id"])
    for _ in range(50):  # half a second at most: the event is on its way already
        if key_id in edge.keys:
            return
        await asyncio.sleep(0.01)


def api_keys(edge: Edge, call: Call, rows: list[Row]) -> list[Row]:
    """Keys of the first format that work get a date by which to replace them."""
    for row in rows:
        old = row["format"] == 1 and row["state"] == "active"
        row["rotate_by"] = row["created_at"] + timedelta(days=edge.old_keys_days) if old else None
    return rows


COMMANDS = [
    CommandRoute(
        "POST",
        "/v1/api-keys",
        CreateApiKey,
        "identity:write",
        "Create an API key",
        answers=201,
        told=NewApiKey,
        secret=API_KEY,
        prepare=no_more,
        reveal=until_taken,
    ),
    CommandRoute("DELETE", "/v1/api-keys/{key_id}", RevokeApiKey, "identity:write", "Revoke an API key"),
]
QUERIES = [
    newest(
        API_KEYS,
        "/v1/api-keys",
        "identity:read",
        "List API keys, and by when those of the first format are to be replaced",
        row=row_of(API_KEYS, Rotation),
        present=api_keys,
    ),
]
