"""Enrolment: join tokens, and nodes that came in by one."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.entity import Entity, Row
from contracts.fields import Moment, SecretHash
from contracts.message import Command, Event, message
from contracts.visibility import Public, Secret

TokenState = Literal["open", "used", "revoked"]
"""In a token's row; that one has expired is told by the clock."""
IdentityState = Literal["active", "revoked"]
NodeName = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=r"\S", extra={"must": "must have 1 to 100 characters, not only blanks"})
]
Sha256 = Annotated[SecretHash, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", extra={"must": "must be a SHA-256, 64 hex digits in lower case"})]


class JoinTokenAnswer(Struct, frozen=True, kw_only=True):
    """A new join token. The salt is for the edge alone, which makes the secret of it; an edge of the release before sends none."""

    token_id: UUID
    note: str
    expires_at: Moment
    salt: Secret[str | UnsetType] = UNSET


class JoinTokenStateAnswer(Struct, frozen=True, kw_only=True):
    """What became of a join token."""

    token_id: UUID
    state: TokenState


class JoinAnswer(Struct, frozen=True, kw_only=True):
    """Who a node is to the farm from now on."""

    node_id: UUID
    name: str


class NodeIdentityAnswer(JoinAnswer, frozen=True, kw_only=True):
    """What became of a node's identity."""

    state: IdentityState


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


JOIN_TOKENS = Entity(
    "render.join_tokens",
    JoinToken,
    key=("token_id",),
    about="join tokens by the hash of their secret: open, used by which node, or revoked",
    view=None,
)
NODE_IDENTITIES = Entity(
    "render.node_identities",
    NodeIdentity,
    key=("node_id",),
    about="who each enrolled node is to the broker, by the hash of its secret, and whether it was revoked",
    newest=False,
)


@message("render.join_token.create")
class CreateJoinToken(Command[JoinTokenAnswer], frozen=True, kw_only=True):
    """Create a join token: one node may join by it, once; the edge made the secret and sends only its hash."""

    note: Annotated[str, Meta(max_length=200)] = ""  # for people: which machine it is for
    expires_in: Annotated[int, Meta(ge=60, le=30 * 86400)] = 3600  # seconds; 1 minute to 30 days
    secret_sha256: SecretHash = ""  # filled in by the edge; a caller's own value is refused
    hint: str = ""  # the first characters, for people
    salt: Secret[str] = ""  # drawn by the edge, which makes the secret of it: the outcome hands it back, and nothing else ever holds it


@message("render.join_token.created")
class JoinTokenCreated(Event, frozen=True, kw_only=True):
    """A node may join by this token until it expires."""

    token_id: UUID
    note: str
    secret_sha256: SecretHash
    hint: str
    expires_at: Moment


@message("render.join_token.revoke")
class RevokeJoinToken(Command[JoinTokenStateAnswer], frozen=True, kw_only=True):
    """End a join token that was not used."""

    token_id: UUID


@message("render.join_token.revoked")
class JoinTokenRevoked(Event, frozen=True, kw_only=True):
    """Nobody joins by this token any more."""

    token_id: UUID


@message("render.node.join")
class JoinNode(Command[JoinAnswer], frozen=True, kw_only=True):
    """A node asks for an identity; it made its own secret and sends only its hash. The same hash again gets the same answer."""

    token_id: UUID = UUID(int=0)  # filled in by the edge from the token, as is its hash
    token_sha256: SecretHash = ""
    name: NodeName
    secret_sha256: Sha256  # of the secret that the node will log in with


@message("render.node.enrolled")
class NodeEnrolled(Event, frozen=True, kw_only=True):
    """A node has an identity; its join token is used up."""

    node_id: UUID
    name: str
    token_id: UUID
    secret_sha256: SecretHash


@message("render.node.revoke")
class RevokeNode(Command[NodeIdentityAnswer], frozen=True, kw_only=True):
    """Shut a node out for good; what it works on goes elsewhere."""

    node_id: UUID
    reason: str = ""


@message("render.node.revoked")
class NodeRevoked(Event, frozen=True, kw_only=True):
    """A node's connection is ended, its reports are refused, its leases are over, and it cannot log in again."""

    node_id: UUID
    reason: str
