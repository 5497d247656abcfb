"""API keys: known by the hash of their secret."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.entity import Entity, Row
from contracts.fields import SecretHash
from contracts.message import Command, Event, message
from contracts.visibility import Public, Secret

KeyState = Literal["active", "revoked"]
Scope = Annotated[str, Meta(pattern=r"^(\*|[a-z]+:(read|write|\*))$(?!\n)", extra={"must": "must be '*', 'area:read' or 'area:write'"})]


class ApiKeyAnswer(Struct, frozen=True, kw_only=True):
    """A new API key. The salt is for the edge alone, which makes the secret of it; an edge of the release before sends none."""

    key_id: UUID
    name: str
    scopes: tuple[str, ...]
    salt: Secret[str | UnsetType] = UNSET


class ApiKeyStateAnswer(Struct, frozen=True, kw_only=True):
    """What became of an API key."""

    key_id: UUID
    state: KeyState


class ApiKey(Row, frozen=True, kw_only=True):
    """An API key, without its secret."""

    key_id: Public[UUID]
    name: Public[str]
    scopes: Public[tuple[str, ...]]
    secret_sha256: SecretHash
    hint: Public[str]
    state: Public[KeyState] = "active"
    format: Public[Literal[1, 2]]  # 2: `fr1_…` with a checksum, of a drawn salt; 1: `fr_…`, as the releases before made it


API_KEYS = Entity("identity.tenant_api_keys", ApiKey, key=("key_id",), about="API keys by the hash of their secret", view="api_keys")


@message("identity.api_key.create")
class CreateApiKey(Command[ApiKeyAnswer], frozen=True, kw_only=True):
    """Create an API key; the edge made the secret and sends only its hash."""

    name: Annotated[str, Meta(max_length=200)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=50)]
    secret_sha256: SecretHash = ""  # filled in by the edge; a caller's own value is refused
    hint: str = ""  # the first characters, for people
    salt: Secret[str] = ""  # drawn by the edge, which makes the secret of it: the outcome hands it back, and nothing else ever holds it


@message("identity.api_key.created", public=True)
class ApiKeyCreated(Event, frozen=True, kw_only=True):
    """An API key works from now on."""

    key_id: Public[UUID]
    name: Public[str]
    scopes: Public[tuple[str, ...]]
    secret_sha256: SecretHash
    hint: Public[str]
    format: Public[int] = 1  # of the key's text: 1 `fr_…`, whose secret derives from the command's id; 2 `fr1_…`, of a drawn salt


@message("identity.api_key.revoke")
class RevokeApiKey(Command[ApiKeyStateAnswer], frozen=True, kw_only=True):
    """End an API key."""

    key_id: UUID


@message("identity.api_key.revoked", public=True)
class ApiKeyRevoked(Event, frozen=True, kw_only=True):
    """An API key works no longer; open streams under it are closed."""

    key_id: Public[UUID]
