"""API keys and tenants in memory: loaded once, then kept up to date by the event feed."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from api_edge.auth.principals import KeyPrincipal
from api_edge.auth.secret_texts import parted, secret_hash
from api_edge.errors import Refused
from contracts.identity.api_keys import ApiKeyCreated, ApiKeyRevoked
from contracts.identity.tenants import TenantCreated, TenantLimitsChanged
from contracts.message import Event

PROVED = 10_000  # headers that are remembered
DEFAULT_RATE = 200  # requests per second, until the tenant's own is known


class KeyRing:
    """Every working API key, which are few enough to be in memory; `on_revoked` hears of each that ends."""

    def __init__(self, on_revoked: Callable[[UUID], None]) -> None:
        self._on_revoked = on_revoked
        self._keys: dict[str, tuple[bytes, KeyPrincipal]] = {}  # by the key id's 32 hex digits
        # By header: the entry of `_keys` that it was found to be, while that stands.
        self._proved: dict[str, tuple[str, tuple[bytes, KeyPrincipal]]] = {}
        self._ended: set[UUID] = set()
        self._rates: dict[UUID, int] = {}

    def load(self, keys: Iterable[Mapping[str, Any]], tenants: Iterable[Mapping[str, Any]]) -> None:
        """Replace everything by the rows of read.api_key_secrets (scopes as JSON) and read.tenants; a key that is gone has ended."""
        earlier = {principal.credential for _, principal in self._keys.values()}
        self._keys.clear()
        self._rates = {row["tenant_id"]: row["requests_per_second"] for row in tenants}
        for row in keys:
            if row["state"] == "active":
                scopes = msgspec.json.decode(row["scopes"], type=list[str])
                self.add(row["tenant_id"], row["key_id"], row["name"], scopes, row["secret_sha256"])
            else:
                self._ended.add(row["key_id"])
        for key_id in earlier - {principal.credential for _, principal in self._keys.values()}:
            self._on_revoked(key_id)

    def add(self, tenant: UUID, key_id: UUID, name: str, scopes: Iterable[str], secret_sha256: str) -> None:
        """A key works from now on, unless it was revoked before we heard of it."""
        if key_id not in self._ended:
            self._keys[key_id.hex] = (secret_sha256.encode(), KeyPrincipal.of(tenant, key_id, name, scopes))

    def hear(self, tenant: UUID, event: Event) -> None:
        """Follow an event of identity."""
        if isinstance(event, ApiKeyCreated):
            self.add(tenant, event.key_id, event.name, event.scopes, event.secret_sha256)
        elif isinstance(event, ApiKeyRevoked):
            self._ended.add(event.key_id)
            self._keys.pop(event.key_id.hex, None)
            self._on_revoked(event.key_id)
        elif isinstance(event, TenantCreated | TenantLimitsChanged):
            self._rates[tenant] = event.requests_per_second

    def rate(self, tenant: UUID) -> int:
        """Requests per second that a tenant may send."""
        return self._rates.get(tenant, DEFAULT_RATE)

    def principal(self, authorization: str | None, api_key: str | None) -> KeyPrincipal:
        """Who sends `Authorization: Bearer fr1_…` or `X-Api-Key: fr1_…`. Raises Refused for nobody."""
        text = api_key
        if authorization is not None:
            proved = self._proved.get(authorization)
            if proved is not None and self._keys.get(proved[0]) is proved[1]:
                return proved[1][1]
            scheme, _, text = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Refused("auth.invalid", "Authorization must be of the form `Bearer fr1_…`.")
        if not text:
            raise Refused("auth.missing", "This needs an API key.")
        key_id, secret = parted("fr", text) or ("", "")
        found = self._keys.get(key_id)
        # Unknown ids are compared too, so that time tells nothing about which exist.
        expected, principal = found or (b"", None)
        if not hmac.compare_digest(expected, secret_hash(secret).encode()) or principal is None:
            raise Refused("auth.invalid", "This API key is unknown or was revoked.")
        if authorization is not None and found is not None:
            if len(self._proved) >= PROVED:
                self._proved.clear()
            self._proved[authorization] = key_id, found
        return principal

    def __contains__(self, key_id: UUID) -> bool:
        return key_id.hex in self._keys
