"""Join tokens that work once, identities, and nodes that are shut out: every decision, at every state."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import UNSET

from consumers.render import DOMAIN
from consumers.render.enrolment_rows import JOIN_TOKENS, NODE_IDENTITIES
from consumers.render.farm import Farm
from consumers.render.rows import NODES, PARTS
from consumers.render.watching import watch
from contracts.enrolment import CreateJoinToken, JoinNode, NodeRevoked, RevokeJoinToken, RevokeNode
from contracts.envelope import first
from contracts.message import PLATFORM
from contracts.node import LeaveNode, ReportCrash
from tests.unit.domains.test_render import NODE, assign, fail, farm, register, report, submit
from tests.unit.domains.world import World, kinds, refused

TOKEN, SECRET, OTHER = "a" * 64, "b" * 64, "c" * 64


def tell(world: World, command: Any) -> Any:
    return world.do(command, tenant=PLATFORM)


def token(world: World, **more: Any) -> UUID:
    (event,) = tell(world, CreateJoinToken(**{"secret_sha256": TOKEN, "hint": "abcd…", **more}))
    return event.token_id


def join(world: World, token_id: UUID, **more: Any) -> Any:
    return tell(world, JoinNode(**{"token_id": token_id, "token_sha256": TOKEN, "name": "north", "secret_sha256": SECRET, **more}))


def enrolled(world: World) -> UUID:
    (event,) = join(world, token(world))
    return event.node_id


def test_a_token_lasts_as_long_as_was_asked_and_its_secret_is_not_told() -> None:
    world = World(DOMAIN)
    token_id = token(world, note="the new one", expires_in=600)
    row = world.row(JOIN_TOKENS, token_id, tenant=PLATFORM)
    assert (row.state, row.note, row.secret_sha256, row.expires_at) == ("open", "the new one", TOKEN, world.now + timedelta(seconds=600))
    assert world.answer == {"token_id": token_id, "note": "the new one", "expires_at": row.expires_at, "salt": UNSET}


def test_a_token_without_a_proper_hash_is_refused() -> None:
    assert refused(tell(World(DOMAIN), CreateJoinToken(secret_sha256="mine"))) == "join.secret_hash"


def test_a_node_that_joins_has_an_identity_and_uses_its_token_up() -> None:
    world = World(DOMAIN)
    token_id = token(world)
    (event,) = join(world, token_id)
    identity = world.row(NODE_IDENTITIES, event.node_id, tenant=PLATFORM)
    assert (identity.name, identity.state, identity.secret_sha256, identity.token_id) == ("north", "active", SECRET, token_id)
    assert (world.row(JOIN_TOKENS, token_id, tenant=PLATFORM).state, world.answer["node_id"]) == ("used", event.node_id)


def test_a_used_token_lets_nobody_else_in() -> None:
    world = World(DOMAIN)
    token_id = token(world)
    join(world, token_id)
    assert refused(join(world, token_id, secret_sha256=OTHER)) == "join.token_used"


def test_the_node_whose_answer_was_lost_hears_it_again() -> None:
    world = World(DOMAIN)
    token_id = token(world)
    (event,) = join(world, token_id)
    assert join(world, token_id) == []
    assert world.answer == {"node_id": event.node_id, "name": "north"}
    tell(world, RevokeNode(node_id=event.node_id))
    assert refused(join(world, token_id)) == "join.token_used"


def test_an_expired_token_is_refused_from_its_very_moment_on() -> None:
    world = World(DOMAIN)
    token_id = token(world, expires_in=60)
    world.now += timedelta(seconds=58)  # each command takes one second more
    assert kinds(join(world, token_id)) == ["NodeEnrolled"]
    token_id = token(world, expires_in=60)
    world.now += timedelta(seconds=59)
    assert refused(join(world, token_id)) == "join.token_expired"


def test_a_forged_token_is_refused_whether_its_id_is_known_or_not() -> None:
    world = World(DOMAIN)
    assert refused(join(world, token(world), token_sha256=OTHER)) == "join.unknown_token"
    assert refused(join(world, uuid4())) == "join.unknown_token"


def test_a_revoked_token_lets_nobody_in_and_a_used_one_cannot_be_revoked() -> None:
    world = World(DOMAIN)
    token_id = token(world)
    assert kinds(tell(world, RevokeJoinToken(token_id=token_id))) == ["JoinTokenRevoked"]
    assert tell(world, RevokeJoinToken(token_id=token_id)) == []
    assert refused(join(world, token_id)) == "join.token_revoked"
    used = token(world)
    join(world, used)
    assert refused(tell(world, RevokeJoinToken(token_id=used))) == "join_token.ended"
    assert refused(tell(world, RevokeJoinToken(token_id=uuid4()))) == "token.not_found"


def test_a_revoked_node_is_out_with_its_registration_and_twice_is_no_error() -> None:
    world = World(DOMAIN)
    node = enrolled(world)
    register(world, node)
    (event,) = tell(world, RevokeNode(node_id=node, reason="sold"))
    assert (event.node_id, event.reason, world.answer["state"]) == (node, "sold", "revoked")
    assert world.row(NODE_IDENTITIES, node, tenant=PLATFORM).reason == "sold"
    assert world.row(NODES, node, tenant=PLATFORM).state == "revoked"
    assert tell(world, RevokeNode(node_id=node)) == []


def test_a_node_that_never_registered_can_be_revoked_too() -> None:
    world = World(DOMAIN)
    node = enrolled(world)
    assert kinds(tell(world, RevokeNode(node_id=node))) == ["NodeRevoked"]
    assert world.row(NODES, node, tenant=PLATFORM) is None


def test_a_node_that_never_joined_cannot_be_revoked() -> None:
    assert refused(tell(farm(), RevokeNode(node_id=NODE))) == "node.not_enrolled"
    assert refused(tell(farm(), RevokeNode(node_id=uuid4()))) == "node.not_found"


def test_nothing_a_revoked_node_says_counts() -> None:
    world = farm()
    (event,) = join(world, token(world))
    node = event.node_id
    register(world, node)
    part = assign(world, submit(world), node=node)
    tell(world, RevokeNode(node_id=node))
    assert refused(report(world, part, part.keys[0], node=node)) == "node.revoked"
    assert refused(fail(world, part, "node.internal", node=node)) == "node.revoked"
    assert refused(register(world, node)) == "node.revoked"
    for said in (LeaveNode(), ReportCrash(kind="daemon_death")):
        assert refused(world.do(said, actor=f"node:{node}", tenant=PLATFORM)) == "node.revoked"
    assert world.row(PARTS, part.part_id).state == "active"  # the scheduler ends it
    assert refused(assign(world, submit(world), node=node)) == "render.node_gone"


def test_reports_of_other_nodes_still_count() -> None:
    world = farm()
    tell(world, RevokeNode(node_id=enrolled(world)))
    part = assign(world, submit(world))
    assert kinds(report(world, part, part.keys[0]))[0] == "SegmentVerified"


def test_a_revoked_node_is_offered_no_more_and_its_parts_are_nobodys() -> None:
    world, picture = World(DOMAIN), Farm()
    node = enrolled(world)
    (registered,) = register(world, node)
    watch(picture, registered, first(registered), 0.0)
    assert node in picture.nodes
    event = NodeRevoked(node_id=node, reason="")
    watch(picture, event, first(event), 1.0)
    assert node not in picture.nodes


@pytest.mark.parametrize("command", [CreateJoinToken(secret_sha256=TOKEN), RevokeJoinToken(token_id=NODE), RevokeNode(node_id=NODE)])
def test_enrolment_belongs_to_the_platform_tenant(command: Any) -> None:
    assert refused(World(DOMAIN).do(command)) == "node.tenant"
