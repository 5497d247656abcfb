from uuid import uuid4

import pytest

from consumers.identity import DOMAIN
from consumers.identity.api_keys import API_KEYS
from consumers.identity.tenants import TENANTS
from consumers.runtime.domain import Refusal
from contracts.identity.api_keys import CreateApiKey, RevokeApiKey
from contracts.identity.reservations import Release, Reserve
from contracts.identity.tenants import CreateTenant
from contracts.message import PLATFORM
from tests.support.domain_harness import DomainHarness, kinds, refused

HASH = "ab" * 32


def with_tenant() -> DomainHarness:
    harness = DomainHarness(DOMAIN)
    harness.do(CreateTenant(name="Acme"))
    return harness


def test_a_tenant_is_created_with_its_limits() -> None:
    harness = DomainHarness(DOMAIN)
    assert kinds(harness.do(CreateTenant(name="Acme", max_slots=4))) == ["TenantCreated"]
    assert harness.row(TENANTS).max_slots == 4


def test_a_tenant_is_created_once() -> None:
    assert refused(with_tenant().do(CreateTenant(name="Again"))) == "identity.exists"


def test_a_limit_out_of_bounds_names_its_field() -> None:
    refusal = DomainHarness(DOMAIN).do(CreateTenant(name="Acme", render_weight=0))
    assert (refusal.problem.code, refusal.problem.field) == ("identity.out_of_bounds", "render_weight")


def test_a_key_is_known_by_its_hash_only() -> None:
    harness = with_tenant()
    [event] = harness.do(CreateApiKey(name="ci", scopes=("render:write",), secret_sha256=HASH))
    row = harness.row(API_KEYS, event.key_id)
    assert (row.secret_sha256, row.state) == (HASH, "active")
    assert "secret" not in str(harness.answer)


def test_a_key_needs_a_tenant_and_waits_for_it_a_while() -> None:
    refusal = DomainHarness(DOMAIN).do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert refused(refusal) == "tenant.not_found" and refusal.retry_for > 0


def test_a_key_without_a_proper_hash_is_refused() -> None:
    assert refused(with_tenant().do(CreateApiKey(name="ci", scopes=("*",), secret_sha256="plain"))) == "identity.secret_hash"


def test_a_revoked_key_stays_revoked_and_revoking_twice_is_no_error() -> None:
    harness = with_tenant()
    [event] = harness.do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert kinds(harness.do(RevokeApiKey(key_id=event.key_id))) == ["ApiKeyRevoked"]
    assert kinds(harness.do(RevokeApiKey(key_id=event.key_id))) == []
    assert harness.row(API_KEYS, event.key_id).state == "revoked"


def test_another_tenants_key_is_not_found() -> None:
    harness = with_tenant()
    [event] = harness.do(CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH))
    assert refused(harness.do(RevokeApiKey(key_id=event.key_id), tenant=uuid4())) == "key.not_found"


def test_a_command_that_comes_again_after_its_operation_was_forgotten_is_a_new_request() -> None:
    harness, command_id = with_tenant(), uuid4()
    command = CreateApiKey(name="ci", scopes=("*",), secret_sha256=HASH)
    [first] = harness.do(command, id=command_id)
    [second] = harness.do(command, id=command_id)
    assert first.key_id != second.key_id


def test_what_is_reserved_is_one_tenants_until_it_lets_go_of_it() -> None:
    harness, one, other = DomainHarness(DOMAIN, PLATFORM), uuid4(), uuid4()
    assert kinds(harness.do(Reserve(kind="address", mark="m", holder=one))) == ["Reserved"]
    assert harness.do(Reserve(kind="address", mark="m", holder=one)) == [], "asking twice changes nothing"
    assert refused(harness.do(Reserve(kind="address", mark="m", holder=other))) == "identity.exists"
    assert kinds(harness.do(Reserve(kind="domain", mark="m", holder=other))) == ["Reserved"], "another kind is another thing"
    assert refused(harness.do(Release(kind="address", mark="m", holder=other))) == "reservation.not_found"
    assert kinds(harness.do(Release(kind="address", mark="m", holder=one))) == ["Released"]
    assert kinds(harness.do(Reserve(kind="address", mark="m", holder=other))) == ["Reserved"]


def test_no_tenant_reserves_for_itself() -> None:
    harness = DomainHarness(DOMAIN)
    assert refused(harness.do(Reserve(kind="address", mark="m", holder=harness.tenant))) == "identity.forbidden"
    assert refused(harness.do(Release(kind="address", mark="m", holder=harness.tenant))) == "identity.forbidden"


@pytest.mark.parametrize(
    ("more", "field"), [({"kind": ""}, "kind"), ({"mark": ""}, "mark"), ({"kind": "k" * 201}, "kind"), ({"mark": "m" * 201}, "mark")]
)
def test_what_is_wrong_with_a_reservation_is_named(more: dict[str, str], field: str) -> None:
    found = DomainHarness(DOMAIN, PLATFORM).do(Reserve(**{"kind": "address", "mark": "m", "holder": uuid4(), **more}))
    assert isinstance(found, Refusal) and (found.problem.code, found.problem.field) == ("identity.out_of_bounds", field)
