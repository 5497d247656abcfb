"""identity: what decides each command and writes each event."""

from consumers.identity import api_keys, reservations, secrets, tenants
from consumers.identity.api_keys import API_KEYS
from consumers.identity.reservations import RESERVATIONS
from consumers.identity.secrets import REVEALED
from consumers.identity.tenants import TENANTS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from contracts.identity.api_keys import ApiKeyCreated, ApiKeyRevoked, CreateApiKey, RevokeApiKey
from contracts.identity.reservations import Release, Released, Reserve, Reserved
from contracts.identity.secrets import RevealSecret, SecretRevealed
from contracts.identity.tenants import ChangeTenantLimits, CreateTenant, TenantCreated, TenantLimitsChanged

DOMAIN = WholeDomain(
    name="identity",
    tables=(TENANTS, API_KEYS, REVEALED, RESERVATIONS),
    decides={
        CreateTenant: tenants.create,
        ChangeTenantLimits: tenants.change_limits,
        CreateApiKey: api_keys.create,
        RevokeApiKey: api_keys.revoke,
        RevealSecret: secrets.reveal,
        Reserve: reservations.reserve,
        Release: reservations.release,
    },
    writes={
        TenantCreated: upsert(TENANTS),
        TenantLimitsChanged: upsert(TENANTS),
        ApiKeyCreated: create(API_KEYS),
        ApiKeyRevoked: upsert(API_KEYS, state="revoked"),
        SecretRevealed: create(REVEALED),
        Reserved: upsert(RESERVATIONS, state="held"),
        Released: upsert(RESERVATIONS, state="free"),
    },
)
