"""The gate's answers as nats-server reads them: nkeys, signatures, permissions; and questions that cannot be read."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.nats.callout import Asked, Issuer, _decoded, _encoded, asked_of, new_seed

ASKED = Asked("node-1", "secret", "UABC", "NSERVER")


def part(token, number):
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(issuer, token):
    """The claims of a token that this issuer has signed."""
    said, _, _ = token.rpartition(".")
    Ed25519PublicKey.from_public_bytes(_decoded(issuer.public)[1:]).verify(part(token, 2), said.encode())
    return json.loads(part(token, 1))


def test_a_new_seed_is_an_accounts_and_so_is_its_public_key():
    seed = new_seed()
    assert seed.startswith("SA") and len(seed) == 58
    assert Issuer(seed).public.startswith("A") and len(Issuer(seed).public) == 56
    assert Issuer(seed).public == Issuer(seed).public != Issuer(new_seed()).public


@pytest.mark.parametrize(
    "seed",
    ["", "SA", "x" * 58, new_seed()[:-1] + "\n", new_seed().lower(), _encoded(bytes([18 << 3 | 5, 0]) + bytes(32))],
    ids=["nothing", "its beginning", "letters", "a line's end", "small letters", "a user's"],
)
def test_what_is_no_accounts_seed_is_refused_without_being_repeated(seed):
    with pytest.raises(ValueError, match="must be the seed") as refusal:
        Issuer(seed)
    assert len(seed) < 10 or seed not in str(refusal.value)


def test_who_is_let_in_gets_a_users_token_with_these_permissions_alone():
    issuer = Issuer(new_seed())
    answer = verified(issuer, issuer.admit(ASKED, "ACCOUNT", ("a.>", "b"), ()).decode())
    assert (answer["sub"], answer["aud"], answer["iss"]) == ("UABC", "NSERVER", issuer.public)
    user = verified(issuer, answer["nats"]["jwt"])
    assert (user["sub"], user["aud"], user["name"]) == ("UABC", "ACCOUNT", "node-1")
    assert user["nats"]["pub"] == {"allow": ["a.>", "b"]} and user["nats"]["sub"] == {"deny": [">"]}


def test_who_is_refused_gets_a_reason_and_no_users_token():
    issuer = Issuer(new_seed())
    nats = verified(issuer, issuer.refuse(ASKED, "revoked").decode())["nats"]
    assert nats["error"] == "revoked" and "jwt" not in nats


def test_another_issuers_answer_does_not_verify():
    with pytest.raises(InvalidSignature):
        verified(Issuer(new_seed()), Issuer(new_seed()).refuse(ASKED, "no").decode())


def question(claims):
    return b".".join([b"e30", base64.urlsafe_b64encode(json.dumps({"nats": claims}).encode()).rstrip(b"="), b"x"])


def test_a_question_is_read_with_and_without_a_user():
    claims = {"user_nkey": "UABC", "server_id": {"id": "NSERVER"}, "connect_opts": {"user": "node-1", "pass": "secret"}}
    assert asked_of(question(claims)) == ASKED
    assert asked_of(question({**claims, "connect_opts": {}})) == Asked("", "", "UABC", "NSERVER")


@pytest.mark.parametrize("data", [b"", b"a.b", b"..", b"\xff.\xff.", question({}), question([])])
def test_a_question_that_cannot_be_read_is_an_error_that_the_gate_knows(data):
    with pytest.raises((ValueError, KeyError, IndexError, TypeError)):
        asked_of(data)
