"""Who may come in, and what they may do."""

import re
from uuid import uuid4

import pytest

from api_edge.auth.keys import KeyRing
from api_edge.auth.principals import JoinTokenPrincipal
from api_edge.auth.secret_texts import LENGTH, PATTERN, first_text, secret_hash, secret_text
from api_edge.errors import Refused
from contracts.identity.api_keys import ApiKeyCreated, ApiKeyRevoked
from contracts.message import DEFAULT_TENANT

TENANT = uuid4()
SECRET = "a" * 32


def text_of(key_id, secret=SECRET):
    return secret_text("fr", key_id, secret)


def ring_with(*scopes):
    revoked = []
    ring, key_id = KeyRing(revoked.append), uuid4()
    created = ApiKeyCreated(key_id=key_id, name="x", scopes=scopes, secret_sha256=secret_hash(SECRET), hint="")
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
        ring.principal(None, text_of(key_id, SECRET[:-1] + "b"))


def test_a_revoked_key_ends_and_a_late_creation_does_not_bring_it_back():
    ring, key_id, created, revoked = ring_with("*")
    ring.hear(TENANT, ApiKeyRevoked(key_id=key_id))
    ring.hear(TENANT, created)
    assert revoked == [key_id]
    with pytest.raises(Refused):
        ring.principal(None, text_of(key_id))


def test_a_key_that_was_used_before_it_was_revoked_ends_too():
    ring, key_id, *_ = ring_with("*")
    header = f"Bearer {text_of(key_id)}"
    assert ring.principal(header, None) is ring.principal(header, None)
    with pytest.raises(Refused):
        ring.principal(None, header)
    ring.hear(TENANT, ApiKeyRevoked(key_id=key_id))
    with pytest.raises(Refused):
        ring.principal(header, None)


def test_a_key_whose_scopes_are_loaded_anew_has_the_new_ones_at_once():
    ring, key_id, *_ = ring_with("*")
    header = f"Bearer {text_of(key_id)}"
    assert ring.principal(header, None).may("render:write")
    row = {"tenant_id": TENANT, "key_id": key_id, "name": "x", "scopes": '["render:read"]', "secret_sha256": secret_hash(SECRET)}
    ring.load([row | {"state": "active"}], [])
    assert not ring.principal(header, None).may("render:write")


def test_a_missing_scope_is_named():
    ring, key_id, *_ = ring_with("render:read")
    principal = ring.principal(None, text_of(key_id))
    principal.require("render:read")
    with pytest.raises(Refused, match="render:write"):
        principal.require("render:write")


def test_a_scope_for_a_whole_area_covers_reading_and_writing():
    ring, key_id, *_ = ring_with("render:*")
    principal = ring.principal(None, text_of(key_id))
    assert principal.may("render:read")
    assert principal.may("render:write")
    assert not principal.may("content:read")


@pytest.mark.parametrize("scopes", [("*",), ("farm:*",), ("farm:write", "farm:read")])
def test_only_keys_of_the_first_tenant_reach_the_farm(scopes):
    for tenant, may in ((DEFAULT_TENANT, True), (TENANT, False)):
        ring, key_id = KeyRing(lambda _: None), uuid4()
        ring.add(tenant, key_id, "x", scopes, secret_hash(SECRET))
        principal = ring.principal(f"Bearer {text_of(key_id)}", None)
        assert principal.may("farm:write") is principal.may("farm:read") is may


def test_keys_of_the_first_format_go_on_working():
    ring, key_id, *_ = ring_with("*")
    assert ring.principal(None, first_text("fr", key_id, SECRET)).credential == key_id


@pytest.mark.parametrize("position", range(78))
def test_a_key_with_one_wrong_character_is_told_as_mistyped_without_a_look_up(position):
    ring, key_id, *_ = ring_with("*")
    ring._keys.clear()
    text = text_of(key_id)
    other = "7" if text[position] != "7" else "8"
    with pytest.raises(Refused) as caught:
        ring.principal(None, text[:position] + other + text[position + 1 :])
    assert caught.value.problem.code == ("auth.invalid" if position < 4 else "auth.malformed")


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1], lambda text: text + "a", lambda text: text[:10] + text[11:], lambda text: text[4] + text]
)
def test_a_key_that_was_cut_or_copied_with_too_much_is_told_as_such(change):
    ring, key_id, *_ = ring_with("*")
    with pytest.raises(Refused) as caught:
        ring.principal(None, change(text_of(key_id)))
    assert caught.value.problem.code in ("auth.malformed", "auth.invalid")


def test_a_keys_text_matches_the_pattern_that_scanners_are_given():
    text = text_of(uuid4())
    assert re.fullmatch(PATTERN.format(mark="fr"), text) and len(text) == LENGTH


def test_two_strangers_with_other_secrets_for_one_token_are_two_askers():
    one, two = (JoinTokenPrincipal.of(TENANT, brought) for brought in ("a", "b"))
    assert one.actor == two.actor == f"join_token:{TENANT}"
    assert one.asker != two.asker
