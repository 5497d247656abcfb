"""API keys: made by the edge, known here by the hash of their secret, revocable."""

import re
from uuid import UUID

from consumers.identity.tenants import TENANTS
from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts import identity
from contracts.identity import ApiKeyCreated, ApiKeyRevoked, CreateApiKey, RevokeApiKey

API_KEYS = Table.of(identity.API_KEYS)
LONGEST_NAME, MOST_SCOPES = 200, 50
SCOPE = re.compile(r"\*|[a-z]+:(read|write|\*)")


def create(cmd: CreateApiKey, view: View, ctx: Context) -> Decision:
    """Let a key work; the answer hands the salt back to the edge, which shows the secret that is made of it."""
    if view.get(TENANTS) is None:
        return refuse("identity.not_found", f"there is no tenant {ctx.tenant}", patience=5.0)
    if not re.fullmatch(r"[0-9a-f]{64}", cmd.secret_sha256):
        return refuse("identity.secret_hash", "the key's hash is not a SHA-256; keys are made by the API, not by the caller")
    if len(cmd.name) > LONGEST_NAME:
        return refuse("identity.name", f"a key's name has at most {LONGEST_NAME} characters, not {len(cmd.name)}", "name")
    if len(cmd.scopes) > MOST_SCOPES:
        return refuse("identity.scope", f"a key has at most {MOST_SCOPES} scopes, not {len(cmd.scopes)}", "scopes")
    for position, scope in enumerate(cmd.scopes):
        if not SCOPE.fullmatch(scope):
            return refuse("identity.scope", f"{scope!r} is not a scope: use '*', 'area:read' or 'area:write'", f"scopes[{position}]")
    if not cmd.scopes:
        return refuse("identity.scope", "a key needs at least one scope", "scopes")
    key_id = ctx.id("api key")
    body = {"key_id": key_id, "name": cmd.name, "scopes": cmd.scopes}
    if not cmd.salt:  # asked for by an edge of the release before
        return Answer([_created(cmd, key_id, 1)], body)
    return Answer([_created(cmd, key_id, 2)], {**body, "salt": cmd.salt})


def _created(cmd: CreateApiKey, key_id: UUID, format: int) -> ApiKeyCreated:
    return ApiKeyCreated(key_id=key_id, name=cmd.name, scopes=cmd.scopes, secret_sha256=cmd.secret_sha256, hint=cmd.hint, format=format)


def revoke(cmd: RevokeApiKey, view: View, ctx: Context) -> Decision:
    """End a key; ending it twice is no error."""
    key = view.get(API_KEYS, cmd.key_id)
    if key is None:
        return refuse("identity.not_found", f"there is no API key {cmd.key_id}", "key_id")
    events = [] if key.state == "revoked" else [ApiKeyRevoked(key_id=key.key_id)]
    return Answer(list(events), {"key_id": key.key_id, "state": "revoked"})
