"""The promises about who asks as checks, and small wrong changes that break them."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from api_edge import edge as edge_module
from api_edge.auth import principals
from api_edge.auth.principals import KeyPrincipal, Principal, SessionPrincipal
from api_edge.auth.scopes import registry
from api_edge.auth.signing import Signer
from api_edge.edge import Edge
from api_edge.routes import COMMANDS, QUERIES
from api_edge.stream import sse
from api_edge.stream.streams import Stream, Wanted
from tests.mutants.checks import hold

Mutation = Callable[[], Any]
KNOWN = registry((*COMMANDS, *QUERIES), beside=sse.ROUTES)


def the_platform_is_the_first_tenants_alone() -> None:
    """I4: whatever was granted to somebody of another tenant, nothing of the platform is open to them."""
    tenant, id = uuid4(), uuid4()
    for who in (KeyPrincipal.of(tenant, id, "k", ["*", "farm:*"]), SessionPrincipal.of(tenant, id, id, (), ["*", "farm:write"])):
        hold(not any(scope.startswith("farm:") for scope in who.permissions(KNOWN)), f"a {who.NAME} may {who.permissions(KNOWN)}")


def who_acts_as_another_makes_no_credentials() -> None:
    """I4: an hour as somebody else does not become a key for ever."""
    acting = SessionPrincipal.of(uuid4(), uuid4(), uuid4(), (), ["*"], acting_as=uuid4())
    hold(not acting.may("identity:write"), "who acts as another makes keys")
    hold(" as user:" in acting.actor and acting.asker == acting.actor, f"the log says only {acting.actor}")


def what_has_ended_has_no_stream() -> None:
    """I4: with a key, and with what another store knows, its open streams end, and no others."""
    edge, tenant = Edge(Signer("0123456789abcdef")), uuid4()
    key, session = (Stream(uuid4(), Wanted(str(tenant))) for _ in range(2))
    for stream in (key, session):
        edge.streams.add(stream)
    edge.keys.add(tenant, key.credential, "k", ["*"], "0" * 64)
    hold(edge.stands(KeyPrincipal.of(tenant, key.credential, "k", ["*"])), "a key that works does not stand")
    edge.keys.load([], [])
    hold(not edge.stands(KeyPrincipal.of(tenant, key.credential, "k", ["*"])), "a key that is gone stands")
    hold((bool(key.ended), bool(session.ended)) == (True, False), f"ended: {key.ended!r}, {session.ended!r}")
    edge.streams.end_of(session.credential, "over")
    hold(session.ended == "over", "the session's stream goes on")


def every_area_is_everybodys() -> Any:
    """Nothing is the platform's alone."""
    return patch.object(principals, "PLATFORM_AREA", "nobodys:")


def acting_is_being() -> Any:
    """Who acts as another may all that they may."""
    return patch.object(principals, "NOBODY_ELSES", frozenset())


def the_other_is_not_named() -> Any:
    """The log hears of one of the two alone."""
    return patch.object(principals, "Actor", lambda by, acting_as: acting_as or by)


def streams_go_on() -> Any:
    """Whose credential has ended reads on."""
    return patch.object(edge_module.Streams, "end_of", lambda self, credential, why: None)


def whoever_came_in_stands() -> Any:
    """Nobody asks whether a credential has ended since."""

    def stands(self: Edge, who: Principal) -> bool:
        return True

    return patch.object(Edge, "stands", stands)
