"""The identity domain's event tables (migration 01)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.identity import KeyState, ReservationState


class Tenant(Row, frozen=True, kw_only=True):
    """A reseller, or the default tenant."""

    name: str
    render_weight: int
    max_slots: int
    requests_per_second: int


class ApiKey(Row, frozen=True, kw_only=True):
    """An API key; only the hash of its secret is known."""

    key_id: UUID
    name: str
    scopes: tuple[str, ...]
    secret_sha256: str
    hint: str
    state: KeyState = "active"
    format: int


class RevealedSecret(Row, frozen=True, kw_only=True):
    """A command whose secret was shown at its operation."""

    command_id: UUID
    what: str
    thing_id: UUID


class Reservation(Row, frozen=True, kw_only=True):
    """What one tenant has and no other can; under the platform tenant."""

    kind: str
    mark: str
    holder: UUID
    state: ReservationState


TENANTS = Table("identity.tenants", Tenant, ())
API_KEYS = Table("identity.tenant_api_keys", ApiKey, ("key_id",))
REVEALED = Table("identity.revealed_secrets", RevealedSecret, ("command_id",))
RESERVATIONS = Table("identity.reservations", Reservation, ("kind", "mark"))
