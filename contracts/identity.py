"""identity: tenants and their API keys."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.entity import Entity, Row
from contracts.fields import SecretHash
from contracts.message import Command, Event, message
from contracts.visibility import Public, Secret

KeyState = Literal["active", "revoked"]
ReservationState = Literal["held", "free"]
SecretOf = Literal["key", "token"]

Scope = Annotated[str, Meta(pattern=r"^(\*|[a-z]+:(read|write|\*))$(?!\n)", extra={"must": "must be '*', 'area:read' or 'area:write'"})]
Mark = Annotated[str, Meta(min_length=1, max_length=200)]
Weight = Annotated[int, Meta(ge=1, le=100)]
Slots = Annotated[int, Meta(ge=1, le=10_000)]
Rate = Annotated[int, Meta(ge=1, le=100_000)]


class TenantAnswer(Struct, frozen=True, kw_only=True):
    """A new tenant."""

    tenant_id: UUID
    name: str


class TenantLimitsAnswer(Struct, frozen=True, kw_only=True):
    """The limits that a tenant has now."""

    tenant_id: UUID
    render_weight: int
    max_slots: int
    requests_per_second: int


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


class ReservationAnswer(Struct, frozen=True, kw_only=True):
    """Who has it now."""

    kind: str
    mark: str
    holder: UUID


class Tenant(Row, frozen=True, kw_only=True):
    """A reseller, or the default tenant."""

    name: Public[str]
    render_weight: Public[Weight]
    max_slots: Public[Slots]
    requests_per_second: Public[Rate]


class ApiKey(Row, frozen=True, kw_only=True):
    """An API key, without its secret."""

    key_id: Public[UUID]
    name: Public[str]
    scopes: Public[tuple[str, ...]]
    secret_sha256: SecretHash
    hint: Public[str]
    state: Public[KeyState] = "active"
    format: Public[Literal[1, 2]]  # 2: `fr1_…` with a checksum, of a drawn salt; 1: `fr_…`, as the releases before made it


class RevealedSecret(Row, frozen=True, kw_only=True):
    """A command whose secret was shown at its operation."""

    command_id: Public[UUID]
    what: Public[SecretOf]
    thing_id: Public[UUID]


class Reservation(Row, frozen=True, kw_only=True):
    """What one tenant has and no other can; under the platform tenant."""

    kind: str
    mark: str
    holder: UUID
    state: ReservationState


TENANTS = Entity("identity.tenants", Tenant, key=(), about="the root of tenancy: resellers and the default tenant", newest=False)
API_KEYS = Entity("identity.tenant_api_keys", ApiKey, key=("key_id",), about="API keys by the hash of their secret", view="api_keys")
REVEALED = Entity(
    "identity.revealed_secrets",
    RevealedSecret,
    key=("command_id",),
    about="commands whose secret was shown at their operation, which is done once",
    newest=False,
)
RESERVATIONS = Entity(
    "identity.reservations",
    Reservation,
    key=("kind", "mark"),
    about="what is unique across tenants, each under the platform with the tenant that has it",
    view=None,
    newest=False,
)


@message("identity.tenant.create")
class CreateTenant(Command[TenantAnswer], frozen=True, kw_only=True):
    """Create the tenant that the message is addressed to."""

    name: str
    render_weight: Weight = 1  # share of the farm against other tenants
    max_slots: Slots = 64  # slots of the farm at once
    requests_per_second: Rate = 200


@message("identity.tenant.created", public=True)
class TenantCreated(Event, frozen=True, kw_only=True):
    """A tenant exists."""

    name: Public[str]
    render_weight: Public[int]
    max_slots: Public[int]
    requests_per_second: Public[int]


@message("identity.tenant.change_limits")
class ChangeTenantLimits(Command[TenantLimitsAnswer], frozen=True, kw_only=True):
    """Change a tenant's share of the farm or its rate; what is not given stays."""

    render_weight: Weight | None = None
    max_slots: Slots | None = None
    requests_per_second: Rate | None = None


@message("identity.tenant.limits_changed", public=True)
class TenantLimitsChanged(Event, frozen=True, kw_only=True):
    """A tenant has these limits from now on."""

    render_weight: Public[int]
    max_slots: Public[int]
    requests_per_second: Public[int]


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


@message("identity.secret.reveal")
class RevealSecret(Command, frozen=True, kw_only=True):
    """Have the secret that a command made shown at its operation, which is done once; the edge asks this for who asked for the secret."""

    command_id: UUID
    what: SecretOf
    thing_id: UUID  # the key's or the token's id


@message("identity.secret.revealed", public=True)
class SecretRevealed(Event, frozen=True, kw_only=True):
    """The secret that a command made was shown at its operation."""

    command_id: Public[UUID]
    what: Public[SecretOf]
    thing_id: Public[UUID]


@message("identity.reservation.reserve")
class Reserve(Command[ReservationAnswer], frozen=True, kw_only=True):
    """Have something that may exist once among all tenants; addressed to the platform tenant, which alone decides who has it."""

    kind: Mark  # of what: "address", "domain"
    mark: Mark  # which one; of what is personal a keyed hash
    holder: UUID  # the tenant that shall have it


@message("identity.reservation.reserved")
class Reserved(Event, frozen=True, kw_only=True):
    """A tenant has it from now on, and no other can."""

    kind: str
    mark: str
    holder: UUID


@message("identity.reservation.release")
class Release(Command, frozen=True, kw_only=True):
    """Let go of what a tenant has; addressed to the platform tenant."""

    kind: str
    mark: str
    holder: UUID


@message("identity.reservation.released")
class Released(Event, frozen=True, kw_only=True):
    """Nobody has it: another tenant may."""

    kind: str
    mark: str
    holder: UUID
