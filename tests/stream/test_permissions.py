"""What each NATS user may do, asked of the real server with the catalogue's permissions."""

import asyncio

import pytest

from adapters.nats import Connection, Frame, PublishForbidden, PullConsumer, StreamError, ack, api, store
from contracts.catalogue import AUTH, all_events_subject, command_stream, outbox_hint_subject, outcome_subject, reply_subject
from contracts.identity.tenants import CreateTenant
from contracts.message import PLATFORM, type_of
from contracts.node import CancelPart, Heartbeat, LeaveNode
from contracts.render.jobs import JobStarted
from deploy.provision import provision_node
from tests.stream.support import NODE, OTHER_NODE, Login

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
EVENT = type_of(JobStarted).subject(PLATFORM)
COMMAND = type_of(CreateTenant).subject(PLATFORM)


async def may_store(nc: Connection, subject: str) -> bool:
    try:
        await store(nc, [Frame(subject, b"", b"{}")], within=5)
    except PublishForbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("user", "subject", "allowed"),
    [
        ("log", EVENT, True),
        ("edge", EVENT, False),
        ("render", EVENT, False),
        (f"node-{NODE}", EVENT, False),
        ("edge", COMMAND, True),
        ("identity", COMMAND, True),
        ("studio", COMMAND, False),
        ("log", COMMAND, False),
        ("viewer", COMMAND, False),
        (f"node-{NODE}", COMMAND, False),
        (f"node-{NODE}", type_of(LeaveNode).subject(NODE), True),
        (f"node-{NODE}", type_of(LeaveNode).subject(OTHER_NODE), False),
        ("edge", type_of(LeaveNode).subject(NODE), False),
        ("render", type_of(CancelPart).subject(NODE), True),
        ("edge", type_of(CancelPart).subject(NODE), False),
        (f"node-{NODE}", type_of(CancelPart).subject(NODE), False),
        ("gate", EVENT, False),
        ("gate", COMMAND, False),
        ("gate", type_of(LeaveNode).subject(NODE), False),
        ("gate", type_of(CancelPart).subject(NODE), False),
        ("system", COMMAND, False),
        ("system", "$SYS.REQ.ACCOUNT.PING.CONNZ", False),
        ("render", "$SYS.REQ.USER.AUTH", False),
    ],
)
async def test_only_those_who_should_may_publish(admin: Connection, login: Login, user: str, subject: str, allowed: bool) -> None:
    assert await may_store(await login(user), subject) is allowed


@pytest.mark.parametrize(
    "request_", ["STREAM.PURGE.EVENTS", "STREAM.DELETE.EVENTS", "CONSUMER.CREATE.WORK.mine", "STREAM.MSG.GET.CMD_RENDER"]
)
async def test_a_node_may_not_administer_streams(admin: Connection, login: Login, request_: str) -> None:
    with pytest.raises(PublishForbidden):
        await api(await login(f"node-{NODE}"), request_, {})


@pytest.mark.parametrize(
    "subject", [">", all_events_subject(), "feed.>", "tick.>", "out.>", "_INBOX_edge.>", "$JS.>", f"_INBOX_node-{OTHER_NODE}.>"]
)
async def test_a_node_may_not_listen_to_others(admin: Connection, login: Login, subject: str) -> None:
    nc = await login(f"node-{NODE}")

    async def hear(msg: object) -> None:
        raise AssertionError(msg)

    await nc.subscribe(subject, cb=hear)
    while subject.lower() not in nc.refusals:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("user", ["edge", "render", "identity", "viewer", "log", "provision", f"node-{NODE}"])
async def test_only_the_gate_hears_who_logs_in_with_which_secret(admin: Connection, login: Login, user: str) -> None:
    nc = await login(user)

    async def hear(msg: object) -> None:
        raise AssertionError(msg)

    await nc.subscribe(AUTH, cb=hear)
    while AUTH.lower() not in nc.refusals:
        await asyncio.sleep(0.01)


async def test_a_nodes_heartbeat_is_its_own_and_it_cannot_forge_progress(admin: Connection, login: Login) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(msg: object) -> None:
        heard.put_nowait(msg.subject)  # type: ignore[attr-defined]

    render = await login("render")
    await render.subscribe("tick.*.>", cb=hear)
    await render.flush()
    nc = await login(f"node-{NODE}")
    mine = type_of(Heartbeat).subject(NODE)
    for subject in (
        type_of(Heartbeat).subject(OTHER_NODE),
        f"tick.{NODE}.render.job.progressed.v1",
        f"tick.{PLATFORM}.render.job.progressed.v1",
        mine,
    ):
        await nc.publish(subject, b"{}")
    assert await asyncio.wait_for(heard.get(), 30) == mine


async def test_an_outcome_reaches_the_edge_that_waits_for_it(admin: Connection, login: Login) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(msg: object) -> None:
        heard.put_nowait(msg.data)  # type: ignore[attr-defined]

    edge = await login("edge")
    await edge.subscribe(outcome_subject("e1"), cb=hear)
    await edge.flush()
    await (await login("studio")).publish(reply_subject("e1", "7"), b"done")
    assert await asyncio.wait_for(heard.get(), 30) == b"done"


async def test_every_domain_may_do_all_that_its_runtime_does(admin: Connection, login: Login) -> None:
    nc = await login("identity")
    await store(await login("edge"), [Frame(COMMAND, b"", b"{}")])
    consumer = PullConsumer(nc, command_stream("identity"), "identity", owns_stream=True)
    (msg,) = await consumer.next(1, 30)
    await ack(msg)
    await consumer._tidy()
    await nc.publish(outbox_hint_subject(), b"")
    await nc.flush()
    await consumer.close()
    assert nc.refusals == {}


async def test_the_deploy_role_can_make_a_nodes_consumer_and_the_node_can_use_it(admin: Connection, login: Login) -> None:
    deploy = await login("provision")
    assert await provision_node(deploy, NODE) == "created"
    assert await provision_node(deploy, NODE) == "same"
    with pytest.raises(StreamError):
        await api(await login("viewer"), f"CONSUMER.DELETE.WORK.{NODE}")
