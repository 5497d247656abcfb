"""identity: tenants, their API keys, what a secret's maker is shown again, and what may exist once."""

from contracts.identity import api_keys, reservations, secrets, tenants

__all__ = ["api_keys", "reservations", "secrets", "tenants"]
