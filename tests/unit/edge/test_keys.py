"""Who may come in, and what they may do."""

from uuid import uuid4

import pytest

from api_edge.errors import Refused
from api_edge.keys import KeyRing
from api_edge.signing import key_hash, key_text
from contracts.identity import ApiKeyCreated, ApiKeyRevoked
from contracts.message import DEFAULT_TENANT

TENANT = uuid4()


def ring_with(*scopes):
    revoked = []
    ring, key_id = KeyRing(revoked.append), uuid4()
    created = ApiKeyCreated(key_id=key_id, name="x", scopes=scopes, secret_sha256=key_hash("secret"), hint="")
    ring.hear(TENANT, created)
    return ring, key_id, created, revoked


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic abc", "Bearer fr__", "Bearer fr_x_y", "Bearer \udcff", "Bearer fr_\udcff_\udcff", "é"]
)
def test_a_malformed_authorization_is_refused_and_not_a_fault(header):
    ring, *_ = ring_with("*")
    with pytest.raises(Refused) as caught:
        ring.principal(header, None)
    assert caught.value.problem.code.startswith("auth.")


def test_a_wrong_secret_does_not_work():
    ring, key_id, *_ = ring_with("*")
    with pytest.raises(Refused):
        ring.principal(None, key_text(key_id, "secreT"))


def test_a_revoked_key_ends_and_a_late_creation_does_not_bring_it_back():
    ring, key_id, created, revoked = ring_with("*")
    ring.hear(TENANT, ApiKeyRevoked(key_id=key_id))
    ring.hear(TENANT, created)
    assert revoked == [key_id]
    with pytest.raises(Refused):
        ring.principal(None, key_text(key_id, "secret"))


def test_a_key_that_was_used_before_it_was_revoked_ends_too():
    ring, key_id, *_ = ring_with("*")
    header = f"Bearer {key_text(key_id, 'secret')}"
    assert ring.principal(header, None) is ring.principal(header, None)
    with pytest.raises(Refused):
        ring.principal(None, header)
    ring.hear(TENANT, ApiKeyRevoked(key_id=key_id))
    with pytest.raises(Refused):
        ring.principal(header, None)


def test_a_key_whose_scopes_are_loaded_anew_has_the_new_ones_at_once():
    ring, key_id, *_ = ring_with("*")
    header = f"Bearer {key_text(key_id, 'secret')}"
    assert ring.principal(header, None).may("render:write")
    row = {"tenant_id": TENANT, "key_id": key_id, "name": "x", "scopes": '["render:read"]', "secret_sha256": key_hash("secret")}
    ring.load([row | {"state": "active"}], [])
    assert not ring.principal(header, None).may("render:write")


def test_a_missing_scope_is_named():
    ring, key_id, *_ = ring_with("render:read")
    principal = ring.principal(None, key_text(key_id, "secret"))
    principal.require("render:read")
    with pytest.raises(Refused, match="render:write"):
        principal.require("render:write")


def test_a_scope_for_a_whole_area_covers_reading_and_writing():
    ring, key_id, *_ = ring_with("render:*")
    principal = ring.principal(None, key_text(key_id, "secret"))
    assert principal.may("render:read")
    assert principal.may("render:write")
    assert not principal.may("content:read")


@pytest.mark.parametrize("scopes", [("*",), ("farm:*",), ("farm:write", "farm:read")])
def test_only_keys_of_the_first_tenant_reach_the_farm(scopes):
    for tenant, may in ((DEFAULT_TENANT, True), (TENANT, False)):
        ring, key_id = KeyRing(lambda _: None), uuid4()
        ring.add(tenant, key_id, "x", scopes, key_hash("secret"))
        principal = ring.principal(f"Bearer {key_text(key_id, 'secret')}", None)
        assert principal.may("farm:write") is principal.may("farm:read") is may
