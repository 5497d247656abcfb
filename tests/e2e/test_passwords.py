"""A whole stack: every role has a password of its own, and everybody is in the account of NATS that is meant for him."""

import json
from collections import Counter
from collections.abc import Iterator
from urllib.request import urlopen

import asyncpg
import pytest

from adapters.nats import ConnectRefused, connect
from adapters.settings import Settings
from contracts.catalogue import LOG_ACCOUNT, NODES, SERVICES, SYSTEM, roles, users_of
from contracts.domains import DOMAINS, LOG
from contracts.message import Kind
from deploy.local.stack import Stack, nats_secret, pg_role, pg_secret

pytestmark = pytest.mark.timeout(300)


def pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each name with itself, and with the next: of passwords that all differ a server that takes a role's own takes no other for it."""
    for number, name in enumerate(names):
        yield from ((name, name), (name, names[number - 1]))


def test_no_two_roles_have_the_same_password(stack: Stack) -> None:
    secrets = [nats_secret(role.name) for role in roles()] + [pg_secret(name) for role in roles() if (name := pg_role(role.name))]
    assert len({stack.servers.secrets.get(secret) for secret in secrets}) == len(secrets)


async def test_the_password_of_one_role_opens_no_other_in_nats(stack: Stack) -> None:
    names = [role.name for role in roles()]
    opened = []
    for name, other in pairs(names):
        password = stack.servers.secrets.get(nats_secret(other))
        login = Settings(nats_url=stack.servers.nats_url, nats_user=name, nats_password=password)  # type: ignore[arg-type]
        try:
            nc = await connect(login, "walls", within=10)
        except ConnectRefused:
            continue
        opened.append((name, other))
        await nc.close()
    assert opened == [(name, name) for name in names]


async def test_the_password_of_one_role_opens_no_other_in_postgresql(stack: Stack) -> None:
    names = [database for role in roles() if (database := pg_role(role.name))]
    opened = []
    for name, other in pairs(names):
        try:
            conn = await asyncpg.connect(stack.servers.pg_dsn(name, stack.servers.secrets.get(pg_secret(other))))
        except asyncpg.InvalidPasswordError:
            continue
        opened.append((name, other))
        await conn.close()
    assert opened == [(name, name) for name in names]


async def test_everybody_is_in_the_account_that_the_catalogue_says(stack: Stack) -> None:
    with urlopen(f"{stack.servers.nats_monitor_url}/connz?auth=true") as answer:
        there = {one["authorized_user"]: one["account"] for one in json.load(answer)["connections"]}
    wanted = {role.name: role.account for role in roles()}
    assert {name: account for name, account in there.items() if name in wanted} == {name: wanted[name] for name in there if name in wanted}
    assert {account for name, account in there.items() if name.startswith("node-")} == {NODES}
    assert set(there.values()) == {SERVICES, LOG_ACCOUNT, NODES, SYSTEM}


async def test_a_process_of_consumers_connects_once_for_each_of_its_roles(stack: Stack) -> None:
    with urlopen(f"{stack.servers.nats_monitor_url}/connz?auth=true") as answer:
        there = Counter(one["authorized_user"] for one in json.load(answer)["connections"])
    users = [*(user for domain in DOMAINS for user in users_of(domain)), LOG]
    assert {user: there[user] for user in users} == dict.fromkeys(users, 1)


async def test_events_lie_in_the_logs_account_alone(stack: Stack) -> None:
    with urlopen(f"{stack.servers.nats_monitor_url}/jsz?accounts=true&streams=true&config=true") as answer:
        accounts = json.load(answer)["account_details"]
    taking = [
        (account["name"], stream["name"])
        for account in accounts
        for stream in account.get("stream_detail") or []
        if any(subject.startswith(f"{Kind.EVENT}.") for subject in stream["config"]["subjects"])
    ]
    assert taking == [(LOG_ACCOUNT, "EVENTS")]
