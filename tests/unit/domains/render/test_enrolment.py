"""Join tokens that work once, identities, and nodes that are shut out: every decision, at every state."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import UNSET

from consumers.render import DOMAIN
from consumers.render.leases.lease import PARTS
from consumers.render.nodes.enrolment import JOIN_TOKENS, NODE_IDENTITIES
from consumers.render.nodes.registration import NODES
from consumers.render.scheduling.farm import Farm
from consumers.render.scheduling.farm.apply_events import apply
from contracts.envelope import first
from contracts.message import PLATFORM
from contracts.node import LeaveNode, ReportCrash
from contracts.render.enrolment import CreateJoinToken, JoinNode, NodeRevoked, RevokeJoinToken, RevokeNode
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, assign, fail, farm, register, report, submit

TOKEN, SECRET, OTHER = "a" * 64, "b" * 64, "c" * 64


def tell(harness: DomainHarness, command: Any) -> Any:
    return harness.do(command, tenant=PLATFORM)


def token(harness: DomainHarness, **more: Any) -> UUID:
    (event,) = tell(harness, CreateJoinToken(**{"secret_sha256": TOKEN, "hint": "abcd…", **more}))
    return event.token_id


def join(harness: DomainHarness, token_id: UUID, **more: Any) -> Any:
    return tell(harness, JoinNode(**{"token_id": token_id, "token_sha256": TOKEN, "name": "north", "secret_sha256": SECRET, **more}))


def enrolled(harness: DomainHarness) -> UUID:
    (event,) = join(harness, token(harness))
    return event.node_id


def test_a_token_lasts_as_long_as_was_asked_and_its_secret_is_not_told() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness, note="the new one", expires_in=600)
    row = harness.row(JOIN_TOKENS, token_id, tenant=PLATFORM)
    assert (row.state, row.note, row.secret_sha256, row.expires_at) == ("open", "the new one", TOKEN, harness.now + timedelta(seconds=600))
    assert harness.answer == {"token_id": token_id, "note": "the new one", "expires_at": row.expires_at, "salt": UNSET}


def test_a_token_without_a_proper_hash_is_refused() -> None:
    assert refused(tell(DomainHarness(DOMAIN), CreateJoinToken(secret_sha256="mine"))) == "join.secret_hash"


def test_a_node_that_joins_has_an_identity_and_uses_its_token_up() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness)
    (event,) = join(harness, token_id)
    identity = harness.row(NODE_IDENTITIES, event.node_id, tenant=PLATFORM)
    assert (identity.name, identity.state, identity.secret_sha256, identity.token_id) == ("north", "active", SECRET, token_id)
    assert (harness.row(JOIN_TOKENS, token_id, tenant=PLATFORM).state, harness.answer["node_id"]) == ("used", event.node_id)


def test_a_used_token_lets_nobody_else_in() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness)
    join(harness, token_id)
    assert refused(join(harness, token_id, secret_sha256=OTHER)) == "join.token_used"


def test_the_node_whose_answer_was_lost_hears_it_again() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness)
    (event,) = join(harness, token_id)
    assert join(harness, token_id) == []
    assert harness.answer == {"node_id": event.node_id, "name": "north"}
    tell(harness, RevokeNode(node_id=event.node_id))
    assert refused(join(harness, token_id)) == "join.token_used"


def test_an_expired_token_is_refused_from_its_very_moment_on() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness, expires_in=60)
    harness.now += timedelta(seconds=58)  # each command takes one second more
    assert kinds(join(harness, token_id)) == ["NodeEnrolled"]
    token_id = token(harness, expires_in=60)
    harness.now += timedelta(seconds=59)
    assert refused(join(harness, token_id)) == "join.token_expired"


def test_a_forged_token_is_refused_whether_its_id_is_known_or_not() -> None:
    harness = DomainHarness(DOMAIN)
    assert refused(join(harness, token(harness), token_sha256=OTHER)) == "join.unknown_token"
    assert refused(join(harness, uuid4())) == "join.unknown_token"


def test_a_revoked_token_lets_nobody_in_and_a_used_one_cannot_be_revoked() -> None:
    harness = DomainHarness(DOMAIN)
    token_id = token(harness)
    assert kinds(tell(harness, RevokeJoinToken(token_id=token_id))) == ["JoinTokenRevoked"]
    assert tell(harness, RevokeJoinToken(token_id=token_id)) == []
    assert refused(join(harness, token_id)) == "join.token_revoked"
    used = token(harness)
    join(harness, used)
    assert refused(tell(harness, RevokeJoinToken(token_id=used))) == "join_token.ended"
    assert refused(tell(harness, RevokeJoinToken(token_id=uuid4()))) == "token.not_found"


def test_a_revoked_node_is_out_with_its_registration_and_twice_is_no_error() -> None:
    harness = DomainHarness(DOMAIN)
    node = enrolled(harness)
    register(harness, node)
    (event,) = tell(harness, RevokeNode(node_id=node, reason="sold"))
    assert (event.node_id, event.reason, harness.answer["state"]) == (node, "sold", "revoked")
    assert harness.row(NODE_IDENTITIES, node, tenant=PLATFORM).reason == "sold"
    assert harness.row(NODES, node, tenant=PLATFORM).state == "revoked"
    assert tell(harness, RevokeNode(node_id=node)) == []


def test_a_node_that_never_registered_can_be_revoked_too() -> None:
    harness = DomainHarness(DOMAIN)
    node = enrolled(harness)
    assert kinds(tell(harness, RevokeNode(node_id=node))) == ["NodeRevoked"]
    assert harness.row(NODES, node, tenant=PLATFORM) is None


def test_a_node_that_never_joined_cannot_be_revoked() -> None:
    assert refused(tell(farm(), RevokeNode(node_id=NODE))) == "node.not_enrolled"
    assert refused(tell(farm(), RevokeNode(node_id=uuid4()))) == "node.not_found"


def test_nothing_a_revoked_node_says_counts() -> None:
    harness = farm()
    (event,) = join(harness, token(harness))
    node = event.node_id
    register(harness, node)
    part = assign(harness, submit(harness), node=node)
    tell(harness, RevokeNode(node_id=node))
    assert refused(report(harness, part, part.keys[0], node=node)) == "node.revoked"
    assert refused(fail(harness, part, "node.internal", node=node)) == "node.revoked"
    assert refused(register(harness, node)) == "node.revoked"
    for said in (LeaveNode(), ReportCrash(kind="daemon_death")):
        assert refused(harness.do(said, actor=f"node:{node}", tenant=PLATFORM)) == "node.revoked"
    assert harness.row(PARTS, part.part_id).state == "active"  # the scheduler ends it
    assert refused(assign(harness, submit(harness), node=node)) == "render.node_gone"


def test_reports_of_other_nodes_still_count() -> None:
    harness = farm()
    tell(harness, RevokeNode(node_id=enrolled(harness)))
    part = assign(harness, submit(harness))
    assert kinds(report(harness, part, part.keys[0]))[0] == "SegmentVerified"


def test_a_revoked_node_is_offered_no_more_and_its_parts_are_nobodys() -> None:
    harness, picture = DomainHarness(DOMAIN), Farm()
    node = enrolled(harness)
    (registered,) = register(harness, node)
    apply(picture, registered, first(registered), 0.0)
    assert node in picture.nodes
    event = NodeRevoked(node_id=node, reason="")
    apply(picture, event, first(event), 1.0)
    assert node not in picture.nodes


@pytest.mark.parametrize("command", [CreateJoinToken(secret_sha256=TOKEN), RevokeJoinToken(token_id=NODE), RevokeNode(node_id=NODE)])
def test_enrolment_belongs_to_the_platform_tenant(command: Any) -> None:
    assert refused(DomainHarness(DOMAIN).do(command)) == "node.tenant"
