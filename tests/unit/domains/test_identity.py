from uuid import uuid4

import pytest

from consumers.identity import DOMAIN
from consumers.identity.api_keys import API_KEYS
from consumers.identity.tenants import TENANTS
from consumers.runtime.domain import Refusal
from contracts.identity import CreateApiKey, CreateTenant, Release, Reserve, RevokeApiKey
from contracts.message import PLATFORM
from tests.unit.domains.world import World, kinds, refused

HASH = "ab" * 32


def with_tenant() -> World:
    world = World(DOMAIN)
    world.do(CreateTenant(name="Acme"))
    return world


def test_a_tenant_is_created_with_its_limits() -> None:
    world = World(DOMAIN)
    assert kinds(world.do(CreateTenant(name="Acme", max_slots=4))) == ["TenantCreated"]
    assert world.row(TENANTS).max_slots == 4


def test_a_tenant_is_created_once() -> None:
    assert refused(with_tenant().do(CreateTenant(name="Again"))) == "identity.exists"


def test_a_limit_out_of_bounds_names_its_field() -> None:
    refusal = World(DOMAIN).do(CreateTenant(name="Acme", render_weight=0))
    assert (refusal.problem.code, refusal.problem.field) == ("identity.out_of_bounds", "render_weight")


def test_a_key_is_known_by_its_hash_only() -> None:
    world = with_tenant()
    [event] = world.do(CreateApiKey(name="ci", scopes=("render:write",), secret_sha256=HASH))
    row = world.row(API_KEYS, event.key_id)
    assert (row.secret_sha256, row.state) == (HASH, "active")
    assert "secret" not in str(world.answer)


def test_a_key_needs_a_tenant_and_waits_for_it_a_while() -> None:
    refusal = World(DOMAIN).do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert refused(refusal) == "tenant.not_found" and refusal.patience > 0


def test_a_key_without_a_proper_hash_is_refused() -> None:
    assert refused(with_tenant().do(CreateApiKey(name="ci", scopes=("*",), secret_sha256="plain"))) == "identity.secret_hash"


def test_a_revoked_key_stays_revoked_and_revoking_twice_is_no_error() -> None:
    world = with_tenant()
    [event] = world.do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert kinds(world.do(RevokeApiKey(key_id=event.key_id))) == ["ApiKeyRevoked"]
    assert kinds(world.do(RevokeApiKey(key_id=event.key_id))) == []
    assert world.row(API_KEYS, event.key_id).state == "revoked"


def test_another_tenants_key_is_not_found() -> None:
    world = with_tenant()
    [event] = world.do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert refused(world.do(RevokeApiKey(key_id=event.key_id), tenant=uuid4())) == "key.not_found"


def test_a_command_that_comes_again_after_its_operation_was_forgotten_is_a_new_request() -> None:
    world, command_id = with_tenant(), uuid4()
    command = CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH)
    [first] = world.do(command, id=command_id)
    [second] = world.do(command, id=command_id)
    assert first.key_id != second.key_id


def test_what_is_reserved_is_one_tenants_until_it_lets_go_of_it() -> None:
    world, one, other = World(DOMAIN, PLATFORM), uuid4(), uuid4()
    assert kinds(world.do(Reserve(kind="address", mark="m", holder=one))) == ["Reserved"]
    assert world.do(Reserve(kind="address", mark="m", holder=one)) == [], "asking twice changes nothing"
    assert refused(world.do(Reserve(kind="address", mark="m", holder=other))) == "identity.exists"
    assert kinds(world.do(Reserve(kind="domain", mark="m", holder=other))) == ["Reserved"], "another kind is another thing"
    assert refused(world.do(Release(kind="address", mark="m", holder=other))) == "reservation.not_found"
    assert kinds(world.do(Release(kind="address", mark="m", holder=one))) == ["Released"]
    assert kinds(world.do(Reserve(kind="address", mark="m", holder=other))) == ["Reserved"]


def test_no_tenant_reserves_for_itself() -> None:
    world = World(DOMAIN)
    assert refused(world.do(Reserve(kind="address", mark="m", holder=world.tenant))) == "identity.forbidden"
    assert refused(world.do(Release(kind="address", mark="m", holder=world.tenant))) == "identity.forbidden"


@pytest.mark.parametrize(
    ("more", "field"), [({"kind": ""}, "kind"), ({"mark": ""}, "mark"), ({"kind": "k" * 201}, "kind"), ({"mark": "m" * 201}, "mark")]
)
def test_what_is_wrong_with_a_reservation_is_named(more: dict[str, str], field: str) -> None:
    found = World(DOMAIN, PLATFORM).do(Reserve(**{"kind": "address", "mark": "m", "holder": uuid4(), **more}))
    assert isinstance(found, Refusal) and (found.problem.code, found.problem.field) == ("identity.out_of_bounds", field)
