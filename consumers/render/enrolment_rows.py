"""The event tables of enrolment (migration 20), both under the platform tenant."""

from datetime import datetime
from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.enrolment import IdentityState, TokenState


class JoinToken(Row, frozen=True, kw_only=True):
    """A join token; only the hash of its secret is known."""

    token_id: UUID
    note: str
    secret_sha256: str
    hint: str
    expires_at: datetime
    state: TokenState = "open"
    node_id: UUID | None = None  # who joined by it


class NodeIdentity(Row, frozen=True, kw_only=True):
    """Who a node is to the broker: user `node-<id>`, and the hash of the secret that it logs in with."""

    node_id: UUID
    name: str
    token_id: UUID
    secret_sha256: str
    state: IdentityState = "active"
    reason: str = ""


JOIN_TOKENS = Table("render.join_tokens", JoinToken, ("token_id",))
NODE_IDENTITIES = Table("render.node_identities", NodeIdentity, ("node_id",))
