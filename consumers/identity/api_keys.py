"""API keys: made by the edge, known here by the hash of their secret, revocable."""

import re
from uuid import UUID

from msgspec import UNSET

from consumers.identity.tenants import TENANTS
from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.identity import api_keys
from contracts.identity.api_keys import ApiKeyAnswer, ApiKeyCreated, ApiKeyRevoked, ApiKeyStateAnswer, CreateApiKey, RevokeApiKey

API_KEYS = Table.of(api_keys.API_KEYS)


def create(cmd: CreateApiKey, view: View, ctx: Context) -> Decision[ApiKeyAnswer]:
    """Let a key work; the answer hands the salt back to the edge, which shows the secret that is made of it."""
    if view.get(TENANTS) is None:
        return refuse("tenant.not_found", f"there is no tenant {ctx.tenant}", retry_for=5.0)
    if not re.fullmatch(r"[0-9a-f]{64}", cmd.secret_sha256):
        return refuse("identity.secret_hash", "the key's hash is not a SHA-256; keys are made by the API, not by the caller")
    key_id = ctx.id("api key")
    body = ApiKeyAnswer(key_id=key_id, name=cmd.name, scopes=cmd.scopes, salt=cmd.salt or UNSET)
    return Answer([_created(cmd, key_id, 2 if cmd.salt else 1)], body)  # without a salt: asked for by an edge of the release before


def _created(cmd: CreateApiKey, key_id: UUID, format: int) -> ApiKeyCreated:
    return ApiKeyCreated(key_id=key_id, name=cmd.name, scopes=cmd.scopes, secret_sha256=cmd.secret_sha256, hint=cmd.hint, format=format)


def revoke(cmd: RevokeApiKey, view: View, ctx: Context) -> Decision[ApiKeyStateAnswer]:
    """End a key; ending it twice is no error."""
    key = view.get(API_KEYS, cmd.key_id)
    if key is None:
        return refuse("key.not_found", f"there is no API key {cmd.key_id}", "key_id")
    events = [] if key.state == "revoked" else [ApiKeyRevoked(key_id=key.key_id)]
    return Answer(events, ApiKeyStateAnswer(key_id=key.key_id, state="revoked"))
