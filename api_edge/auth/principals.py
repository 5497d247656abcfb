"""Who asks: a type for each way of proving it. What all of them have is in Principal, and only what a kind alone has in the kind."""

from collections.abc import Iterable
from typing import ClassVar, Final, Self
from uuid import UUID

import msgspec

from api_edge.auth.grants import PLATFORM_AREA, covers
from api_edge.errors import Refused
from contracts.actors import Actor, Subject
from contracts.ids import id_text
from contracts.message import DEFAULT_TENANT, PLATFORM

NOBODY_ELSES: Final = frozenset({"identity:write", "farm:write"})
"""What nobody does as another person, whatever both may do: to make and end credentials, API keys and join tokens."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, whatever they prove it by."""

    NAME: ClassVar[str] = "caller"  # as problems call what was brought

    credential: UUID  # of the key, session, token or secret; when it ends, its open streams do
    tenant: UUID
    tenant_text: str
    actor: str  # what commands and events say of who did it, see contracts.actors
    granted: frozenset[str] = frozenset()  # scopes, areas, or everything

    @property
    def asker(self) -> str:
        """Whose an Idempotency-Key is: two askers never share one."""
        return self.actor

    def may(self, scope: str) -> bool:
        """Whether a scope was granted; those of the platform have only the first tenant, whatever was granted to others."""
        if scope.startswith(PLATFORM_AREA) and self.tenant != DEFAULT_TENANT:
            return False
        return covers(self.granted, scope)

    def require(self, scope: str) -> None:
        """Raises Refused, naming the scope, for who may not."""
        if not self.may(scope):
            raise Refused("auth.scope", f"This needs the scope {scope}, which the {self.NAME} does not have.")

    def permissions(self, known: Iterable[str]) -> tuple[str, ...]:
        """Which of the scopes that exist are open."""
        return tuple(scope for scope in known if self.may(scope))


class KeyPrincipal(Principal, frozen=True, kw_only=True):
    """An API key: a tenant's program."""

    NAME: ClassVar[str] = "API key"

    name: str

    @classmethod
    def of(cls, tenant: UUID, key_id: UUID, name: str, scopes: Iterable[str]) -> Self:
        """A tenant's key."""
        actor = str(Subject("key", key_id))
        return cls(credential=key_id, tenant=tenant, tenant_text=id_text(tenant), actor=actor, granted=frozenset(scopes), name=name)


class SessionPrincipal(Principal, frozen=True, kw_only=True):
    """A person who has logged in, or one who acts as another by a session made for that.

    Roles are named sets of scopes that each tenant has its own of, so the store of sessions says what they grant; the names are for people.
    """

    NAME: ClassVar[str] = "session"

    user: UUID  # who does it
    acting_as: UUID | None = None  # and as whom, where that is another
    roles: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, tenant: UUID, session_id: UUID, user: UUID, roles: Iterable[str], scopes: Iterable[str], acting_as: UUID | None = None
    ) -> Self:
        """A person's session; `tenant` and `scopes` are those of the person as whom they act."""
        actor = Actor(Subject("user", user), None if acting_as is None else Subject("user", acting_as))
        return cls(
            credential=session_id, tenant=tenant, tenant_text=id_text(tenant), actor=str(actor), granted=frozenset(scopes), user=user,
            acting_as=acting_as, roles=tuple(roles),
        )  # fmt: skip

    def may(self, scope: str) -> bool:
        """The same as for everybody, but who acts as another makes no credentials by which they go on doing so."""
        if self.acting_as is not None and scope in NOBODY_ELSES:
            return False
        return Principal.may(self, scope)


class JoinTokenPrincipal(Principal, frozen=True, kw_only=True):
    """Somebody who brings a join token, which the render domain has yet to believe."""

    NAME: ClassVar[str] = "join token"

    brought: str  # the hash of the secret that came with it

    @property
    def asker(self) -> str:
        """Of two who bring other secrets for one token, each is an asker of its own."""
        return f"{self.actor} {self.brought}"

    @classmethod
    def of(cls, token_id: UUID, brought: str) -> Self:
        """Who brings a token of the platform."""
        actor = str(Subject("join_token", token_id))
        return cls(credential=token_id, tenant=PLATFORM, tenant_text=id_text(PLATFORM), actor=actor, brought=brought)


class NodePrincipal(Principal, frozen=True, kw_only=True):
    """A node of the farm, by its own secret."""

    NAME: ClassVar[str] = "node"

    @classmethod
    def of(cls, node_id: UUID) -> Self:
        """A node, which belongs to the platform."""
        actor = str(Subject("node", node_id))
        return cls(credential=node_id, tenant=PLATFORM, tenant_text=id_text(PLATFORM), actor=actor)
