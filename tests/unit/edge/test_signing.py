"""Command ids, operation ids, request hashes and the secrets that are made of salts, through a change of the edge's own secret."""

from itertools import product
from uuid import UUID, uuid4

import pytest

from api_edge.auth.secret_texts import secret_hash
from api_edge.auth.signing import Signer, command_id, key_mark
from contracts.envelope import hash_versions, same_request

OLD, NEW = "0123456789abcdef", "fedcba9876543210"
SIGNER = Signer(OLD)
ROTATED = Signer(NEW, OLD, 2)
TENANT = UUID(int=1)
ROUTE = ("POST", "/v1/renders", "cmd.studio.render.request.v1")
OLD_ID = "AAAAAAAAAAAAAAAAAAAAB6urq6urq6urCOnK6gM1g5U"  # of command 7 and hash abab…, made by the release before with OLD


def made(signer: Signer = SIGNER, tenant: UUID = TENANT, asker: str = "key:1") -> str:
    return signer.operation_id(tenant, asker, UUID(int=7), f"{signer.version}:" + "ab" * 16)


def test_an_operation_id_is_read_back():
    id, request = uuid4(), SIGNER.request_hash("POST", "/v1/renders", b"{}")
    found = SIGNER.read_operation_id(TENANT, SIGNER.operation_id(TENANT, "key:1", id, request))
    assert found is not None
    assert (found.command_id, found.of_request(request)) == (id, True)
    assert not found.of_request(SIGNER.request_hash("POST", "/v1/renders", b"{ }"))


@pytest.mark.parametrize("position", range(52))
def test_an_operation_id_with_one_other_character_is_forged(position):
    text = made()
    other = "A" if text[position] != "A" else "B"
    assert SIGNER.read_operation_id(TENANT, text[:position] + other + text[position + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", "é" * 43, "A" * 43, "A" * 44, "A" * 52, "=" * 43, "../../../etc/passwd"])
def test_nonsense_is_no_operation_id(text):
    assert SIGNER.read_operation_id(TENANT, text) is None


def test_an_operation_id_is_good_for_its_own_tenant_only():
    assert SIGNER.read_operation_id(UUID(int=2), made()) is None


def test_an_operation_id_names_who_asked():
    assert SIGNER.read_operation_id(TENANT, made()).asker != SIGNER.read_operation_id(TENANT, made(asker="key:2")).asker


def test_another_edge_secret_makes_ids_that_are_not_ours():
    assert SIGNER.read_operation_id(TENANT, made(Signer("another secret of some length"))) is None


def test_operation_ids_are_read_after_the_secret_has_changed_once():
    for text in (made(), OLD_ID):
        assert ROTATED.read_operation_id(TENANT, text) == SIGNER.read_operation_id(TENANT, text) is not None
        assert Signer(NEW, version=2).read_operation_id(TENANT, text) is None
    assert ROTATED.read_operation_id(TENANT, OLD_ID).command_id == UUID(int=7)


def test_requests_differ_by_method_path_and_body():
    hashes = {
        SIGNER.request_hash(*request)
        for request in [("POST", "/a", b"1"), ("POST", "/a", b"2"), ("POST", "/a?dry_run=true", b"1"), ("DELETE", "/a", b"1")]
    }
    assert len(hashes) == 4


def test_a_request_is_told_again_after_the_secret_has_changed_and_another_is_not():
    stored = [signer.request_hash("POST", "/a", b"1") for signer in (SIGNER, ROTATED)]
    stored.append(hash_versions(stored[0])["1"])  # as the release before stored it
    for earlier, signer in product(stored, (SIGNER, ROTATED)):
        assert same_request(earlier, signer.request_hash("POST", "/a", b"1"))
        assert not same_request(earlier, signer.request_hash("POST", "/a", b"2"))
    assert same_request("1:aa", "2:bb") and same_request("", "1:aa") and same_request("1:aa", "")


def test_a_key_names_another_command_for_each_tenant_asker_route_and_key_and_no_secret_matters():
    ids = {
        command_id(tenant, asker, route, key)
        for tenant, asker, route, key in product(
            (UUID(int=1), UUID(int=2)),
            ("key:1", "key:2"),
            (ROUTE, ("PUT", *ROUTE[1:]), ("POST", "/v1/uploads", ROUTE[2]), (*ROUTE[:2], "cmd.x.y.z.v1")),
            ("a", "b"),
        )
    }
    assert len(ids) == 32
    assert {id.version for id in ids} == {8}
    assert command_id(UUID(int=1), "key:1", ROUTE, "a") == UUID("7c086912-d256-8ab6-86f9-037313d7ae4d")  # for ever


def test_a_key_is_found_whatever_its_route_by_who_sent_it():
    marks = {key_mark(tenant, asker, key) for tenant, asker, key in product((UUID(int=1), UUID(int=2)), ("key:1", "key:2"), ("a", "b"))}
    assert len(marks) == 8 and {len(mark) for mark in marks} == {32}


def test_a_salt_makes_one_secret_for_each_use_and_goes_on_to_after_the_secret_has_changed_once():
    salt = SIGNER.draw_salt()
    secret = SIGNER.secret_of("api-key", salt)
    assert salt != SIGNER.draw_salt()
    assert secret == ROTATED.secret_of("api-key", salt) != SIGNER.secret_of("join-token", salt)
    assert Signer(NEW, version=2).secret_of("api-key", salt) is None
    assert ROTATED.draw_salt().startswith("2:")


def test_no_secret_of_a_salt_is_one_that_derives_from_a_commands_id():
    command = uuid4()
    assert secret_hash(SIGNER.secret_of("api-key", f"1:{command.hex}")) != secret_hash(SIGNER.first_format("api-key", command))


def test_a_short_secret_and_a_version_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at least 16"):
        Signer("short")
    for version, before in ((0, ""), (1, OLD), (256, "")):
        with pytest.raises(ValueError, match="SECRET_VERSION"):
            Signer(NEW, before, version)
