"""The default tenant and the first API key, by commands like everything else; running it again gives the same key."""

from uuid import uuid5

from adapters.nats import connect
from adapters.settings import Settings
from api_edge.signing import Signer, key_hash, key_hint, key_text
from contracts.envelope import derived_id, first
from contracts.identity import CreateApiKey, CreateTenant
from contracts.message import DEFAULT_TENANT
from producers.publisher import Publisher

_TENANT_COMMAND = uuid5(DEFAULT_TENANT, "create the default tenant")
_KEY_COMMAND = uuid5(DEFAULT_TENANT, "create the first API key")


def first_key(secret: str) -> str:
    """The first API key of an installation whose edge has this secret."""
    return key_text(derived_id(_KEY_COMMAND, "api key"), Signer(secret).key_secret(_KEY_COMMAND))


async def ensure_first_key(settings: Settings) -> str:
    """Ask for the default tenant and its first key as the edge would; returns the key, which works once identity has decided."""
    secret = settings.secret.get_secret_value()
    own = Signer(secret).key_secret(_KEY_COMMAND)
    nc = await connect(settings, "flatrender bootstrap", within=10)
    try:
        publisher = Publisher(nc)
        tenant = CreateTenant(name="Default", requests_per_second=1000)
        await publisher.publish(tenant, first(tenant, tenant=DEFAULT_TENANT, id=_TENANT_COMMAND))
        key = CreateApiKey(name="first key", scopes=("*",), secret_sha256=key_hash(own), hint=key_hint(own))
        await publisher.publish(key, first(key, tenant=DEFAULT_TENANT, id=_KEY_COMMAND))
    finally:
        await nc.close()
    return first_key(secret)
