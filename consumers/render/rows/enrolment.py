"""The event tables of enrolment (migration 20), both under the platform tenant."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.fields import Moment, SecretHash
from contracts.render.enrolment import IdentityState, TokenState
from contracts.visibility import Public


class JoinToken(Row, frozen=True, kw_only=True):
    """A join token; only the hash of its secret is known."""

    token_id: Public[UUID]
    note: Public[str]
    secret_sha256: SecretHash
    hint: Public[str]
    expires_at: Public[Moment]
    state: Public[TokenState] = "open"  # that it has expired is told by the clock
    node_id: Public[UUID | None] = None  # who joined by it


class NodeIdentity(Row, frozen=True, kw_only=True):
    """Who a node is to the broker: user `node-<id>`, and the hash of the secret that it logs in with."""

    node_id: Public[UUID]
    name: Public[str]
    token_id: UUID
    secret_sha256: SecretHash
    state: Public[IdentityState] = "active"
    reason: Public[str] = ""


JOIN_TOKENS = Table("render.join_tokens", JoinToken, ("token_id",))
NODE_IDENTITIES = Table("render.node_identities", NodeIdentity, ("node_id",))
