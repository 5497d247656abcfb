"""Node auth on the real nats-server: who comes in, what an enrolled node may do, and what puts a revoked one out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection, ConnectRefused, Frame, PublishForbidden, PullConsumer, api, connect, ensure_stream, store
from adapters.nats.callout import Issuer
from consumers.log.event import frame_of
from consumers.render import node_auth
from consumers.render.node_auth import NodeAuth
from contracts.catalogue import API, NODES, SERVICES, WORK, account_of, node_consumer, node_role, roles, streams
from contracts.chain import GENESIS, Marks, chained
from contracts.message import PLATFORM, encode, type_of
from contracts.node import CancelPart, LeaveNode
from contracts.render.enrolment import NodeRevoked
from deploy.local.http import get_json
from deploy.local.servers import Servers
from deploy.nats import NatsRole
from sql.migrate import migrate, set_role_passwords
from tests.stream.support import NODE, OTHER_NODE, settings
from tests.support.password import PASSWORD

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
SECRET = "the node's own secret"
IDENTITY = """insert into render.node_identities values ($1, $2, 1, now(), now(), 'north', $3, $4, $5, '')
on conflict (tenant_id, node_id) do update set state = $5"""


class GuardedServers:
    """Servers whose nats-server asks a gate, and the gate, which may come and go."""

    def __init__(self, servers: Servers, admin: Connection, pg: asyncpg.Connection) -> None:
        self.servers, self.admin, self.pg = servers, admin, pg
        self.opened: list[Connection] = []
        self._gates: list[tuple[asyncio.Task[None], list[Any]]] = []

    async def open_gate(self) -> None:
        pool = await asyncpg.create_pool(self.servers.pg_dsn("render_app", PASSWORD, "gate"), min_size=1, max_size=2)
        logins = [await connect(settings(self.servers.nats_url, user), f"test {user}", within=10) for user in ("gate", "system")]
        task = asyncio.create_task(NodeAuth(*logins, pool, Issuer(self.servers.nats_issuer)).run())
        self._gates.append((task, [*logins, pool]))
        while not all(nc.on_back for nc in logins):  # the last that it does before it serves
            await asyncio.sleep(0.001)
        for nc in logins:
            await nc.flush()  # its subscriptions have reached the server

    async def close_gates(self) -> None:
        for task, parts in self._gates:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for part in parts:
                await part.close()
        self._gates.clear()

    async def enrol(self, node_id: UUID, state: str = "active") -> None:
        await self.pg.execute(IDENTITY, PLATFORM, node_id, uuid4(), sha256(SECRET.encode()).hexdigest(), state)

    async def node(self, node_id: UUID) -> Connection:
        """Come in as a node does: whom a slow gate keeps waiting, the server refuses, and it tries again."""
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(ConnectRefused):
                    return await self.attempt(node_id)

    async def attempt(self, node_id: UUID, secret: str = SECRET) -> Connection:
        """One try. Raises ConnectRefused."""
        self.opened.append(await connect(settings(self.servers.nats_url, node_role(node_id).name, secret), "test node", within=10))
        return self.opened[-1]

    async def revoke(self, node_id: UUID) -> None:
        """What the render domain and the log do."""
        await self.enrol(node_id, "revoked")
        await self.word(node_id, await self.pg.fetchval("select seal from log.head"))

    async def word(self, node_id: UUID, key: str) -> None:
        """The event of a revocation, under the seal of a key."""
        event = encode(NodeRevoked(node_id=node_id, reason="")).decode()
        values = (uuid4(), type_of(NodeRevoked).full_name, PLATFORM, datetime.now(UTC), "key:1", uuid4(), uuid4(), "", 1, "", event)
        frame = frame_of((7, *values, GENESIS, chained(GENESIS, 7, values)), Marks(0, key))
        await self.admin.send(f"feed.{frame.subject}", frame.body, b"Nats-Sequence: 7\r\n" + frame.lines)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    folder: Path = tmp_path_factory.mktemp("gate")
    async with Servers(folder / "data", [NatsRole.of(role, PASSWORD) for role in roles()], gate=True) as running:
        conn = await asyncpg.connect(running.pg_admin_dsn)
        await conn.execute("create database gate")
        await conn.close()
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(servers: Servers) -> AsyncIterator[GuardedServers]:
    admin = await connect(settings(servers.nats_url, "admin", servers.secrets.get("nats.admin")), "tests", within=10)
    for config in streams():
        if account_of(config["name"]) == SERVICES:
            await ensure_stream(admin, config)
    pg = await asyncpg.connect(servers.pg_admin_dsn.rsplit("/", 1)[0] + "/gate")
    await migrate(pg)
    await set_role_passwords(pg, PASSWORD)
    yield GuardedServers(servers, admin, pg)
    await admin.close()
    await pg.close()


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(kept: GuardedServers) -> AsyncIterator[GuardedServers]:
    """With one gate, and two enrolled nodes."""
    await kept.open_gate()
    for node_id in (NODE, OTHER_NODE):
        await kept.enrol(node_id)
    yield kept
    for nc in kept.opened:
        await nc.close()
    kept.opened.clear()
    await kept.close_gates()


async def until(what: Any) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(30):
        while not what():
            await asyncio.sleep(0.005)


async def test_an_enrolled_node_may_report_and_hear_its_own_work_and_nothing_else(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    await store(nc, [Frame(type_of(LeaveNode).subject(NODE), b"", b"{}")], within=20)
    for subject in (type_of(LeaveNode).subject(OTHER_NODE), type_of(CancelPart).subject(NODE), "$SYS.REQ.USER.AUTH"):
        with pytest.raises(PublishForbidden):
            await store(nc, [Frame(subject, b"", b"{}")], within=20)
    with pytest.raises(PublishForbidden):
        await api(nc, f"CONSUMER.MSG.NEXT.WORK.{OTHER_NODE}")

    async def hear(msg: object) -> None:
        raise AssertionError(msg)

    for subject in (">", "feed.>", "report.>", f"_INBOX_node-{OTHER_NODE}.>", "$SYS.>"):
        await nc.subscribe(subject, cb=hear)
        await until(lambda subject=subject: subject.lower() in nc.refusals)


async def test_a_node_comes_into_the_nodes_account(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    listed = await get_json(f"{guarded.servers.nats_monitor_url}/connz?auth=true&cid={nc.client_id}")
    assert listed and [one["account"] for one in listed["connections"]] == [NODES]


async def test_no_reply_subject_of_an_enrolled_node_reaches_a_stream(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    before = await api(guarded.admin, "STREAM.LIST")
    for target in (type_of(NodeRevoked).subject(PLATFORM), type_of(CancelPart).subject(OTHER_NODE), f"{API}.STREAM.DELETE.CMD_RENDER"):
        for _ in range(20):
            await nc.publish(f"{API}.CONSUMER.MSG.NEXT.{WORK}.{NODE}", b'{"batch": 1, "no_wait": true}', reply=target)
    await nc.flush()
    after = await api(guarded.admin, "STREAM.LIST")
    assert [(one["config"]["name"], one["state"]["last_seq"]) for one in after["streams"]] == [
        (one["config"]["name"], one["state"]["last_seq"]) for one in before["streams"]
    ]


async def test_a_nodes_consumer_of_work_is_there_when_it_comes_in(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    subject = type_of(CancelPart).subject(NODE)
    await store(guarded.admin, [Frame(subject, b"", b"{}")], within=20)
    consumer = PullConsumer(nc, "WORK", str(NODE))
    (msg,) = await consumer.next(1, 30)
    assert msg.subject == subject
    await consumer.close()


@pytest.mark.parametrize("secret", ["", "a wrong secret", sha256(SECRET.encode()).hexdigest(), "x" * 3000])
async def test_a_wrong_secret_is_refused(guarded: GuardedServers, secret: str) -> None:
    with pytest.raises(ConnectRefused):
        await guarded.attempt(NODE, secret)


async def test_who_was_never_enrolled_and_who_was_revoked_are_refused(guarded: GuardedServers) -> None:
    with pytest.raises(ConnectRefused):
        await guarded.attempt(uuid4())
    await guarded.enrol(NODE, "revoked")
    with pytest.raises(ConnectRefused):
        await guarded.attempt(NODE)
    for user in ("", "root", "node-", f"node-{NODE}x", f"node-{str(NODE).upper()}", f"NODE-{NODE}"):
        with pytest.raises(ConnectRefused):
            await connect(settings(guarded.servers.nats_url, user, SECRET), "stranger", within=10)


async def test_a_word_of_a_revocation_that_is_not_the_logs_takes_nothing_from_a_node(
    guarded: GuardedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_auth, "LOOKS", (0.0,))
    monkeypatch.setattr(node_auth, "GONE", 0.0)
    await guarded.node(NODE)
    await guarded.node(OTHER_NODE)
    await guarded.word(OTHER_NODE, "a guess")
    await guarded.revoke(NODE)
    while f"{NODE}" in (names := (await api(guarded.admin, "CONSUMER.NAMES.WORK"))["consumers"] or []):
        await asyncio.sleep(0.01)
    assert f"{OTHER_NODE}" in names


async def test_the_word_of_a_revocation_ends_a_nodes_connection_at_its_first_look_and_it_cannot_come_back(
    guarded: GuardedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_auth, "LOOKS", (0.0,))  # neither a later look nor the round over all connections can have ended it
    monkeypatch.setattr(node_auth, "ROUND", 3600.0)
    monkeypatch.setattr(node_auth, "GONE", 0.0)
    await guarded.close_gates()
    await guarded.open_gate()
    nc, other = await guarded.node(NODE), await guarded.node(OTHER_NODE)
    number = nc.client_id
    refusals: list[datetime] = []

    async def refused() -> None:
        refusals.append(datetime.now(UTC))

    nc.on_refused.add(refused)
    await guarded.revoke(NODE)
    await until(lambda: not nc.is_connected)
    assert await why_closed(guarded, number) == "Kicked"  # by the gate: a login's own end has another reason
    await until(lambda: len(refusals) >= 3)
    assert not nc.is_connected and other.is_connected
    with pytest.raises(ConnectRefused):
        await guarded.attempt(NODE)
    await gone(guarded)


async def why_closed(guarded: GuardedServers, number: int) -> str:
    """The reason that the server gives for the end of a connection."""
    listed = await get_json(f"{guarded.servers.nats_monitor_url}/connz?state=closed&cid={number}")
    assert listed
    (closed,) = listed["connections"]
    return str(closed["reason"])


async def gone(guarded: GuardedServers) -> None:
    """Its consumer is removed too."""
    stream, config = node_consumer(NODE)
    async with asyncio.timeout(30):
        while config["durable_name"] in ((await api(guarded.admin, f"CONSUMER.NAMES.{stream}")).get("consumers") or []):
            await asyncio.sleep(0.05)


async def test_every_connection_of_a_revoked_node_is_ended(guarded: GuardedServers) -> None:
    mine = [await guarded.node(NODE) for _ in range(3)]
    await guarded.revoke(NODE)
    await until(lambda: not any(nc.is_connected for nc in mine))


async def test_a_node_stays_in_while_the_gate_is_away_and_a_new_one_waits_for_it(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    await guarded.close_gates()
    await store(nc, [Frame(type_of(LeaveNode).subject(NODE), b"", b"{}")], within=20)
    with pytest.raises(ConnectRefused):
        await guarded.attempt(OTHER_NODE)
    assert nc.is_connected
    await guarded.open_gate()
    assert (await guarded.node(OTHER_NODE)).is_connected and nc.is_connected


async def test_what_was_revoked_while_no_gate_listened_is_ended_when_one_comes_back(guarded: GuardedServers) -> None:
    nc, other = await guarded.node(NODE), await guarded.node(OTHER_NODE)
    await guarded.close_gates()
    await guarded.enrol(NODE, "revoked")
    await guarded.open_gate()
    await until(lambda: not nc.is_connected)
    assert other.is_connected


async def test_two_gates_share_the_work_and_either_can_end_a_connection(guarded: GuardedServers) -> None:
    await guarded.open_gate()
    nodes = [uuid4() for _ in range(20)]
    for node_id in nodes:
        await guarded.enrol(node_id)
    logins = await asyncio.gather(*(guarded.node(node_id) for node_id in nodes))
    await guarded.revoke(nodes[0])
    await until(lambda: not logins[0].is_connected)
    assert all(nc.is_connected for nc in logins[1:])


async def test_enrolled_nodes_come_back_after_the_broker_was_killed(guarded: GuardedServers) -> None:
    nc = await guarded.node(NODE)
    await guarded.servers.kill("nats")
    await until(lambda: not nc.is_connected)
    await guarded.servers.restart("nats")
    await until(lambda: nc.is_connected)
    await store(nc, [Frame(type_of(LeaveNode).subject(NODE), b"", b"{}")], within=20)


async def test_a_users_name_in_the_configuration_does_not_need_the_gate(guarded: GuardedServers) -> None:
    await guarded.close_gates()
    nc = await connect(settings(guarded.servers.nats_url, "edge"), "edge", within=10)
    await nc.close()
    with pytest.raises(ConnectRefused):
        await connect(settings(guarded.servers.nats_url, "edge", "wrong"), "edge", within=10)
