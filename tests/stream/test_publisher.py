"""The publisher against a real nats-server: groups, kills, lost acknowledgements, refusals."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from adapters.nats import Connection, api, connect, stream_state
from contracts.catalogue import command_stream
from contracts.envelope import Envelope, first
from contracts.identity.tenants import CreateTenant
from contracts.message import MAX_BODY, encode, type_of
from contracts.node import LeaveNode
from contracts.render.jobs import JobProgress
from deploy.local.servers import Servers
from producers.publisher import MessageTooLarge, Publisher, PublishFailed
from producers.ticks import Ticks
from tests.stream.lossy_wire import LossyWire
from tests.stream.support import NODE, OTHER_NODE, Login, delete_stream, settings

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
STREAM = command_stream("identity")


def command(name: str = "A tenant") -> tuple[CreateTenant, Envelope]:
    made = CreateTenant(name=name)
    return made, first(made, tenant=uuid4())


async def stored(nc: Connection) -> list[dict[str, str]]:
    """The headers and body of everything in the stream."""
    state = await stream_state(nc, STREAM)
    assert state
    found = []
    js = nc.jsm()
    for sequence in range(state["state"]["first_seq"], state["state"]["last_seq"] + 1):
        msg = await js.get_msg(STREAM, sequence)
        found.append({**(msg.headers or {}), "body": (msg.data or b"").decode(), "subject": msg.subject or ""})
    return found


async def test_a_published_command_lies_in_its_stream_as_it_was_sent(admin: Connection, login: Login) -> None:
    message, envelope = command()
    sequence = await Publisher(await login("edge")).publish(message, envelope)
    (there,) = await stored(admin)
    assert sequence == 1
    assert Envelope.read(there) == envelope
    assert there["body"] == encode(message).decode()
    assert there["subject"] == type_of(message).subject(envelope.tenant)


async def test_messages_of_one_moment_are_one_atomic_batch(admin: Connection, login: Login) -> None:
    publisher = Publisher(await login("edge"))
    sequences = await asyncio.gather(*(publisher.publish(*command()) for _ in range(50)))
    batches = [there.get("Nats-Batch-Id") for there in await stored(admin)]
    assert sorted(sequences) == list(range(1, 51))
    assert batches[0] is not None
    assert len(set(batches)) == 1


async def test_every_publisher_gets_the_sequence_of_its_own_message(admin: Connection, login: Login) -> None:
    publisher = Publisher(await login("edge"))
    sent = [command(f"tenant {number}") for number in range(300)]
    sequences = await asyncio.gather(*(publisher.publish(*one) for one in sent))
    there = await stored(admin)
    for (_, envelope), sequence in zip(sent, sequences, strict=True):
        assert there[sequence - 1]["ce-id"] == str(envelope.id)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_while_batches_are_under_way(
    servers: Servers, admin: Connection, login: Login
) -> None:
    publisher = Publisher(await login("edge"), within=20)
    acknowledged: set[UUID] = set()

    async def publish_many() -> None:
        for _ in range(40):
            message, envelope = command()
            await publisher.publish(message, envelope)
            acknowledged.add(envelope.id)

    workers = [asyncio.create_task(publish_many()) for _ in range(25)]
    for _ in range(2):
        seen = len(acknowledged)
        while len(acknowledged) < seen + 100:
            await asyncio.sleep(0.005)
        await servers.kill("nats")
        await servers.restart("nats")
    await asyncio.gather(*workers)
    assert await admin.until_connected(10)
    assert len(acknowledged) == 1000
    assert acknowledged <= {UUID(there["ce-id"]) for there in await stored(admin)}


async def test_a_message_whose_acknowledgement_was_lost_is_sent_again_and_acknowledged(servers: Servers, admin: Connection) -> None:
    async with LossyWire(servers.nats_url) as wire:
        nc = await connect(settings(wire.url, "edge"), "lossy", within=10)
        publisher = Publisher(nc, within=20)
        await publisher.publish(*command("before"))
        wire.swallow_answers()
        waiting = asyncio.create_task(publisher.publish(*command("once or twice")))
        while len(await stored(admin)) < 2:
            await asyncio.sleep(0.01)
        await wire.cut()
        await waiting
        await nc.close()
    bodies = [json.loads(there["body"])["name"] for there in await stored(admin)]
    assert bodies == ["before", "once or twice", "once or twice"]


async def test_without_a_server_publishing_fails_within_its_time_and_may_be_tried_again(
    servers: Servers, admin: Connection, login: Login
) -> None:
    nc = await login("edge")
    await servers.kill("nats")
    while nc.is_connected:  # what is sent before the loss is noticed may still be stored
        await asyncio.sleep(0.01)
    with pytest.raises(PublishFailed) as failed:
        await Publisher(nc, within=0.3).publish(*command())
    await servers.restart("nats")
    assert failed.value.retryable
    assert await nc.until_connected(10)
    assert await Publisher(nc).publish(*command()) == 1


async def test_a_missing_stream_fails_with_what_to_do(admin: Connection, login: Login) -> None:
    await delete_stream(admin, STREAM)
    with pytest.raises(PublishFailed, match="flatrender provision"):
        await Publisher(await login("edge"), within=0.3).publish(*command())


async def test_a_body_over_64_kb_is_refused_with_its_size(admin: Connection, login: Login) -> None:
    message, envelope = command("x" * MAX_BODY)
    with pytest.raises(MessageTooLarge) as refused:
        await Publisher(await login("edge")).publish(message, envelope)
    assert refused.value.size == len(encode(message))
    assert not refused.value.retryable


async def test_a_line_break_cannot_forge_a_header(admin: Connection, login: Login) -> None:
    message = CreateTenant(name="A tenant")
    envelope = first(message, actor="key:1\r\nce-tenant: 00000000-0000-0000-0000-000000000001")
    with pytest.raises(ValueError, match="line break"):
        await Publisher(await login("edge")).publish(message, envelope)


async def test_a_forbidden_message_fails_with_the_servers_reason_and_its_batch_goes_on_without_it(admin: Connection, login: Login) -> None:
    publisher = Publisher(await login(f"node-{NODE}"))
    message = LeaveNode()
    sends = [publisher.publish(message, first(message), scope=node) for node in (NODE, OTHER_NODE, NODE)]
    mine, other, mine_too = await asyncio.gather(*sends, return_exceptions=True)
    assert (mine, mine_too) == (1, 2)
    assert isinstance(other, PublishFailed)
    assert "permissions violation" in str(other)
    assert str(OTHER_NODE) in str(other)
    assert not other.retryable


async def test_a_report_needs_the_node_that_it_is_from(admin: Connection, login: Login) -> None:
    with pytest.raises(ValueError, match="node"):
        await Publisher(await login(f"node-{NODE}")).publish(LeaveNode(), first(LeaveNode()))


async def test_a_tick_is_heard_and_is_not_stored(admin: Connection, login: Login) -> None:
    tenant = uuid4()
    tick = JobProgress(job_id=uuid4(), frames_done=1, frames_total=2, frames_per_second=30.0, seconds_left=None, nodes={})
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    edge = await login("edge")

    async def hear(msg: object) -> None:
        heard.put_nowait(msg.data)  # type: ignore[attr-defined]

    await edge.subscribe(type_of(tick).subject("*"), cb=hear)
    await edge.flush()
    await Ticks(await login("render")).emit(tick, tenant)
    assert await asyncio.wait_for(heard.get(), 30) == encode(tick)
    listed = await api(admin, "STREAM.LIST")
    assert sum(stream["state"]["messages"] for stream in listed["streams"]) == 0


async def test_ticks_are_dropped_without_an_error_while_the_server_is_away(servers: Servers, admin: Connection, login: Login) -> None:
    nc = await login("render")
    await servers.kill("nats")
    while nc.is_connected:
        await asyncio.sleep(0.01)
    tick = JobProgress(job_id=uuid4(), frames_done=1, frames_total=2, frames_per_second=30.0, seconds_left=None, nodes={})
    await Ticks(nc).emit(tick, uuid4())
    await servers.restart("nats")
    assert nc.pending_data_size == 0


async def test_what_was_subscribed_before_a_flush_hears_what_is_published_after_it(login: Login) -> None:
    hearer, speaker = await login("admin"), await login("admin")
    for number in range(300):  # nats-py's own flush fails at one in fifty
        heard = asyncio.Event()

        async def hear(msg: object, heard: asyncio.Event = heard) -> None:
            heard.set()

        subscription = await hearer.subscribe(f"probe.{number}", cb=hear)
        await hearer.flush()
        await speaker.publish(f"probe.{number}", b"")
        await asyncio.wait_for(heard.wait(), 30)
        await subscription.unsubscribe()
