"""The configuration of nats-server: permissions that say what was meant, and no way to break out of a string."""

import pytest

from contracts.catalogue import SYSTEM
from deploy.nats import NatsConfig, NatsRole, render


def config(tmp_path, *roles):
    return NatsConfig(tmp_path / "a store", 4222, 8222, roles)


def test_every_write_is_synced_and_only_loopback_is_served(tmp_path):
    text = render(config(tmp_path))
    assert "  sync_interval: always\n" in text
    assert 'listen: "127.0.0.1:4222"' in text
    assert 'http: "127.0.0.1:8222"' in text
    assert "websocket" not in text


def test_a_role_without_subjects_may_do_nothing(tmp_path):
    text = render(config(tmp_path, NatsRole("idle", "pw")))
    assert 'publish { deny: [">"] }' in text
    assert 'subscribe { deny: [">"] }' in text


def test_a_role_may_do_what_it_lists_only(tmp_path):
    text = render(config(tmp_path, NatsRole("node", "pw", ["report.n1.>", "$JS.ACK.>"], ["_INBOX_n1.>"])))
    assert 'publish { allow: ["report.n1.>", "$JS.ACK.>"] }' in text
    assert 'subscribe { allow: ["_INBOX_n1.>"] }' in text


def test_a_password_cannot_end_its_string(tmp_path):
    text = render(config(tmp_path, NatsRole("node", 'a"\n b'.replace("\n", ""), [">"], [">"])))
    assert r'password: "a\" b"' in text


def test_a_control_character_is_refused(tmp_path):
    with pytest.raises(ValueError, match="control character"):
        render(config(tmp_path, NatsRole("node", "pw\nuser: root", [">"], [">"])))


@pytest.mark.parametrize(
    ("roles", "message"),
    [((NatsRole("a", "1"), NatsRole("a", "2")), "declared twice: a"), ((NatsRole("a", ""),), "needs a name and a password")],
)
def test_a_role_that_could_not_be_told_apart_or_protected_is_refused(tmp_path, roles, message):
    with pytest.raises(ValueError, match=message):
        render(config(tmp_path, *roles))


def test_a_user_of_the_system_account_is_in_no_other(tmp_path):
    text = render(config(tmp_path, NatsRole("edge", "pw"), NatsRole("system", "pw", account=SYSTEM)))
    ours, _, system = text.partition("  SYSTEM {\n")
    assert 'user: "edge"' in ours and 'user: "system"' not in ours
    assert 'user: "system"' in system and "system_account: SYSTEM\n" in text


def test_only_with_an_issuer_anybody_else_is_asked_for(tmp_path):
    roles = NatsRole("edge", "pw"), NatsRole("system", "pw", account=SYSTEM)
    assert "auth_callout" not in render(config(tmp_path, *roles))
    text = render(NatsConfig(tmp_path, 4222, 8222, roles, issuer="ABC"))
    assert 'issuer: "ABC"' in text and 'auth_users: ["edge", "system"]' in text
