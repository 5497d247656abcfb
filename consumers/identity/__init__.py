"""identity: what decides each command and writes each event."""

from consumers.identity import api_keys, reservations, secrets, tenants
from consumers.identity.api_keys import API_KEYS
from consumers.identity.reservations import RESERVATIONS
from consumers.identity.secrets import REVEALED
from consumers.identity.tenants import TENANTS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from contracts import identity

DOMAIN = WholeDomain(
    name="identity",
    tables=(TENANTS, API_KEYS, REVEALED, RESERVATIONS),
    decides={
        identity.CreateTenant: tenants.create,
        identity.ChangeTenantLimits: tenants.change_limits,
        identity.CreateApiKey: api_keys.create,
        identity.RevokeApiKey: api_keys.revoke,
        identity.RevealSecret: secrets.reveal,
        identity.Reserve: reservations.reserve,
        identity.Release: reservations.release,
    },
    writes={
        identity.TenantCreated: upsert(TENANTS),
        identity.TenantLimitsChanged: upsert(TENANTS),
        identity.ApiKeyCreated: create(API_KEYS),
        identity.ApiKeyRevoked: upsert(API_KEYS, state="revoked"),
        identity.SecretRevealed: create(REVEALED),
        identity.Reserved: upsert(RESERVATIONS, state="held"),
        identity.Released: upsert(RESERVATIONS, state="free"),
    },
)
