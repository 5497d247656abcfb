"""Who asks, by type: what each kind is called in the log, and what it may do."""

from uuid import uuid4

import pytest

from api_edge.auth import grants, principals, scopes
from api_edge.auth.principals import JoinTokenPrincipal, KeyPrincipal, NodePrincipal, SessionPrincipal
from api_edge.auth.signing import Signer
from api_edge.edge import Edge
from api_edge.routes import COMMANDS, QUERIES
from api_edge.routing import CommandRoute
from api_edge.stream import sse
from contracts.message import DEFAULT_TENANT, PLATFORM
from contracts.render.nodes import DrainNode

TENANT, ID, USER, OTHER = uuid4(), uuid4(), uuid4(), uuid4()
KNOWN = scopes.registry((*COMMANDS, *QUERIES), beside=sse.ROUTES)


def session(tenant=TENANT, granted=("*",), acting_as=None):
    return SessionPrincipal.of(tenant, ID, USER, ("owner",), granted, acting_as)


@pytest.mark.parametrize(
    ("who", "actor", "tenant"),
    [
        (KeyPrincipal.of(TENANT, ID, "a key", ["*"]), f"key:{ID}", TENANT),
        (session(), f"user:{USER}", TENANT),
        (session(acting_as=OTHER), f"user:{USER} as user:{OTHER}", TENANT),
        (JoinTokenPrincipal.of(ID, "hash"), f"join_token:{ID}", PLATFORM),
        (NodePrincipal.of(ID), f"node:{ID}", PLATFORM),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, principals.Principal) else "",
)
def test_every_kind_has_its_word_in_the_log_and_its_tenant(who, actor, tenant):
    assert (who.actor, who.tenant, who.tenant_text, who.credential) == (actor, tenant, str(tenant), ID)


def test_a_person_who_acts_as_another_is_another_asker_than_both():
    assert len({session().asker, session(acting_as=OTHER).asker, SessionPrincipal.of(TENANT, ID, OTHER, (), ["*"]).asker}) == 3


def test_who_brings_a_token_or_a_nodes_secret_has_no_scope():
    for who in (JoinTokenPrincipal.of(ID, "hash"), NodePrincipal.of(ID)):
        assert who.permissions(KNOWN) == ()


def test_who_acts_as_another_may_all_that_they_may_but_make_credentials():
    whole, acting = session(tenant=DEFAULT_TENANT), session(tenant=DEFAULT_TENANT, acting_as=OTHER)
    assert whole.permissions(KNOWN) == tuple(KNOWN)
    making = {route.scope for route in COMMANDS if route.secret}
    assert set(KNOWN) - set(acting.permissions(KNOWN)) == making == set(principals.NOBODY_ELSES), "a token lets a node in for good"


@pytest.mark.parametrize("granted", [("*",), ("farm:*",), ("farm:write", "farm:read")])
def test_only_persons_of_the_first_tenant_reach_the_platform(granted):
    assert session(DEFAULT_TENANT, granted).may("farm:write")
    assert not session(TENANT, granted).may("farm:write")


def test_every_scope_of_a_route_exists_and_every_scope_that_exists_opens_something():
    asked = {route.scope for route in (*COMMANDS, *QUERIES) if route.scope} | {sse.SCOPE}
    assert set(KNOWN) == asked and all(scope.routes for scope in KNOWN.values())
    assert sum(len(scope.routes) for scope in KNOWN.values()) == len([route for route in (*COMMANDS, *QUERIES) if route.scope]) + 1


def test_what_can_be_granted_is_everything_each_area_and_each_scope():
    granted = list(grants.grants(KNOWN))
    assert granted[0] == "*" and set(KNOWN) < set(granted) and len(granted) == len(set(granted))
    assert {one for one in granted if one.endswith(":*")} == {f"{name.partition(':')[0]}:*" for name in KNOWN}


def test_what_goes_to_the_platform_is_open_to_the_first_tenant_alone():
    assert scopes.misplaced(COMMANDS) == []
    planted = CommandRoute("POST", "/v1/nodes/{node_id}/drain", DrainNode, "render:write", "", for_platform=True)
    assert scopes.misplaced([*COMMANDS, planted]) == ["POST /v1/nodes/{node_id}/drain"]


def test_an_edge_without_other_stores_knows_keys_alone():
    edge = Edge(Signer("0123456789abcdef"))
    key = KeyPrincipal.of(TENANT, ID, "a key", ["*"])
    assert edge.stores == [] and not edge.stands(key)
    edge.keys.add(TENANT, ID, "a key", ["*"], "0" * 64)
    assert edge.stands(key)
