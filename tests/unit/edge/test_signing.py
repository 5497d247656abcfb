"""Operation ids, request hashes and the secrets of keys."""

from uuid import UUID, uuid4

import pytest

from api_edge.keys import KeyRing
from api_edge.signing import Signer, command_id, key_hash, key_text

SIGNER = Signer("0123456789abcdef")
TENANT = UUID(int=1)


def test_an_operation_id_is_read_back():
    id, request = uuid4(), SIGNER.request_hash("POST", "/v1/renders", b"{}")
    found = SIGNER.read_operation_id(TENANT, SIGNER.operation_id(TENANT, id, request))
    assert found is not None
    assert (found.command_id, request.startswith(found.request_hash)) == (id, True)


@pytest.mark.parametrize("position", range(43))
def test_an_operation_id_with_one_other_character_is_forged(position):
    text = SIGNER.operation_id(TENANT, UUID(int=7), "ab" * 16)
    other = "A" if text[position] != "A" else "B"
    assert SIGNER.read_operation_id(TENANT, text[:position] + other + text[position + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", "é" * 43, "A" * 43, "A" * 44, "=" * 43, "../../../etc/passwd"])
def test_nonsense_is_no_operation_id(text):
    assert SIGNER.read_operation_id(TENANT, text) is None


def test_an_operation_id_is_good_for_its_own_tenant_only():
    assert SIGNER.read_operation_id(UUID(int=2), SIGNER.operation_id(TENANT, UUID(int=7), "ab" * 16)) is None


def test_another_edge_secret_makes_ids_that_are_not_ours():
    assert SIGNER.read_operation_id(TENANT, Signer("another secret of some length").operation_id(TENANT, UUID(int=7), "ab" * 16)) is None


def test_requests_differ_by_method_path_and_body():
    hashes = {
        SIGNER.request_hash(*request)
        for request in [("POST", "/a", b"1"), ("POST", "/a", b"2"), ("POST", "/a?dry_run=true", b"1"), ("DELETE", "/a", b"1")]
    }
    assert len(hashes) == 4


def test_the_same_key_names_another_command_for_another_tenant():
    assert command_id(UUID(int=1), "k") != command_id(UUID(int=2), "k")
    assert command_id(UUID(int=1), "k") == command_id(UUID(int=1), "k")


def test_a_retry_derives_the_same_key_secret_and_another_command_another():
    assert SIGNER.key_secret(UUID(int=1)) == SIGNER.key_secret(UUID(int=1)) != SIGNER.key_secret(UUID(int=2))


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="at least 16"):
        Signer("short")


def test_a_derived_key_is_taken_by_the_ring():
    ring, key_id, secret = KeyRing(lambda _: None), uuid4(), SIGNER.key_secret(UUID(int=1))
    ring.add(uuid4(), key_id, "x", ["*"], key_hash(secret))
    assert ring.principal(f"Bearer {key_text(key_id, secret)}", None).key_id == key_id
