"""The pull loop and the reader against a real nats-server: kills, removed consumers, messages given back."""

import asyncio
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from adapters.nats import (
    Connection,
    ConsumerMissing,
    PositionGone,
    PullConsumer,
    StreamReader,
    ack,
    ack_all,
    api,
    connect,
    ensure_consumer,
    nak,
    pull,
    stream_state,
)
from contracts.catalogue import EVENTS, LOG_API, WORK, command_stream, consumers, node_consumer
from contracts.envelope import first
from contracts.identity.tenants import CreateTenant, TenantCreated
from contracts.node import CancelPart
from deploy.local.servers import Servers
from deploy.provision import provision_node
from producers.publisher import Publisher
from tests.stream.lossy_wire import LossyWire
from tests.stream.support import NODE, OTHER_NODE, Login, delete_stream, settings

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
STREAM = command_stream("identity")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pull loop looks for every few seconds, it looks for several times a second."""
    monkeypatch.setattr(pull, "HEARTBEAT", 0.2)
    monkeypatch.setattr(pull, "MISSING_AFTER", 0.5)
    monkeypatch.setattr(pull, "TIDY_EVERY", 0.0)


async def send(publisher: Publisher, count: int) -> list[str]:
    """Publish commands at once; returns their ids in order of their sequence."""
    made = [CreateTenant(name=f"tenant {number}") for number in range(count)]
    envelopes = [first(one, tenant=uuid4()) for one in made]
    await asyncio.gather(*(publisher.publish(message, envelope) for message, envelope in zip(made, envelopes, strict=True)))
    return [str(envelope.id) for envelope in envelopes]


async def take(consumer: PullConsumer, count: int) -> list[str]:
    """Take and acknowledge until `count` different messages came."""
    ids: list[str] = []
    while len(set(ids)) < count:
        for msg in await consumer.next(100, 5):
            ids.append(identity(msg))
            await ack(msg)
    return ids


async def fetch(consumer: PullConsumer, count: int) -> list[Msg]:
    """Take `count` messages without acknowledging: a single `next` returns as soon as there is one."""
    messages: list[Msg] = []
    while len(messages) < count:
        messages += await consumer.next(count - len(messages), 5)
    return messages


def identity(msg: Msg) -> str:
    return (msg.headers or {})["ce-id"]


async def test_messages_come_in_order(admin: Connection, login: Login) -> None:
    sent = await send(Publisher(await login("edge")), 250)
    consumer = PullConsumer(await login("identity"), STREAM, "identity", window=100)
    assert await take(consumer, 250) == sent
    await consumer.close()


async def test_a_stream_keeps_what_waits_and_loses_what_was_acknowledged(admin: Connection, login: Login, impatient: None) -> None:
    sent = await send(Publisher(await login("edge")), 30)
    consumer = PullConsumer(await login("identity"), STREAM, "identity", window=100, owns_stream=True)
    messages = await fetch(consumer, 30)
    for msg in messages[:20]:
        await ack(msg)
    while (state := await stream_state(admin, STREAM)) and state["state"]["messages"] > 10:
        await asyncio.sleep(0.05)
    assert state
    assert state["state"]["first_seq"] == 21
    for msg in messages[20:]:
        await nak(msg)
    assert set(await take(consumer, 10)) == set(sent[20:])
    while (state := await stream_state(admin, STREAM)) and state["state"]["messages"]:
        await asyncio.sleep(0.05)
    await consumer.close()


async def test_next_takes_no_more_than_its_limit_and_returns_nothing_after_its_wait(admin: Connection, login: Login) -> None:
    consumer = PullConsumer(await login("identity"), STREAM, "identity")
    assert await consumer.next(10, 0.05) == []
    await send(Publisher(await login("edge")), 30)
    taken: list[int] = []
    while sum(taken) < 30:
        taken.append(len(await consumer.next(10, 5)))
    assert max(taken) <= 10
    await consumer.close()


async def test_a_refused_message_comes_again_with_its_count(admin: Connection, login: Login) -> None:
    await send(Publisher(await login("edge")), 1)
    consumer = PullConsumer(await login("identity"), STREAM, "identity")
    (msg,) = await fetch(consumer, 1)
    await nak(msg, 0.05)
    (again,) = await fetch(consumer, 1)
    assert identity(again) == identity(msg)
    assert again.metadata.num_delivered == 2
    await consumer.close()


async def test_a_closed_consumer_gives_back_what_it_had_fetched(admin: Connection, login: Login) -> None:
    sent = await send(Publisher(await login("edge")), 20)
    leaving = PullConsumer(await login("identity"), STREAM, "identity")
    (taken,) = await fetch(leaving, 1)
    await ack(taken)
    await leaving.close()
    staying = PullConsumer(await login("identity"), STREAM, "identity")
    assert set(await take(staying, 19)) == set(sent[1:])
    await staying.close()


async def test_a_consumer_that_was_closed_while_its_server_was_silent_hears_it_again(
    servers: Servers, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a leader does that is cut off from everything at once: it must not lead once more with a subscription that has ended."""
    async with LossyWire(servers.nats_url) as wire:
        nc = await connect(settings(wire.url, "identity"), "test a silent server", within=10)
        monkeypatch.setattr(pull, "GIVING_BACK", 0.2)
        consumer = PullConsumer(nc, STREAM, "identity", owns_stream=True)
        assert await consumer.next(10, 0.1) == []
        wire.swallow_answers()
        await consumer.close()
        await wire.cut()
        expected = await send(Publisher(admin), 20)
        async with asyncio.timeout(20):
            assert sorted(set(await take(consumer, 20))) == sorted(expected)
        await nc.close()


async def test_every_message_comes_through_kills_of_the_server(servers: Servers, admin: Connection, login: Login) -> None:
    publisher = Publisher(await login("edge"), within=20)
    consumer = PullConsumer(await login("identity"), STREAM, "identity", window=50)
    taking = asyncio.create_task(take(consumer, 300))
    sent: list[str] = []
    for _ in range(3):
        sent += await send(publisher, 100)
        await servers.kill("nats")
        await servers.restart("nats")
    assert set(await taking) == set(sent)
    await consumer.close()


async def test_a_missing_consumer_is_an_error_that_says_what_to_do_and_work_goes_on_once_it_is_back(
    admin: Connection, login: Login, impatient: None
) -> None:
    consumer = PullConsumer(await login("identity"), STREAM, "identity")
    assert await consumer.next(1, 0.05) == []
    await api(admin, f"CONSUMER.DELETE.{STREAM}.identity")
    with pytest.raises(ConsumerMissing, match="flatrender provision"):
        await consumer.next(1, 30)
    config = next(config for stream, config in consumers() if stream == STREAM)
    await ensure_consumer(admin, STREAM, config)
    await send(Publisher(await login("edge")), 1)
    assert len(await take(consumer, 1)) == 1
    await consumer.close()


async def test_a_user_who_may_not_pull_is_told_so(admin: Connection, login: Login, impatient: None) -> None:
    consumer = PullConsumer(await login("studio"), STREAM, "identity")
    with pytest.raises(ConsumerMissing, match="permissions violation"):
        await consumer.next(1, 30)
    await consumer.close()


async def test_a_node_gets_its_own_work_only(admin: Connection, login: Login, impatient: None) -> None:
    for node in (NODE, OTHER_NODE):
        await provision_node(await login("provision"), node)
    publisher = Publisher(await login("render"))
    for node in (OTHER_NODE, NODE):
        message = CancelPart(part_id=node)
        await publisher.publish(message, first(message), scope=node)
    stream, config = node_consumer(NODE)
    consumer = PullConsumer(await login(f"node-{NODE}"), stream, config["durable_name"], window=1)
    (msg,) = await fetch(consumer, 1)
    assert str(NODE) in msg.subject
    await ack(msg)
    assert await consumer.next(10, 0.2) == []
    await consumer.close()
    thief = PullConsumer(await login(f"node-{NODE}"), WORK, str(OTHER_NODE))
    with pytest.raises(ConsumerMissing, match="permissions violation"):
        await thief.next(1, 30)
    await thief.close()


async def send_events(nc: Connection, count: int) -> None:
    publisher = Publisher(nc, within=20)
    for start in range(0, count, 50):
        made = [TenantCreated(name=f"{start + n}", render_weight=1, max_slots=1, requests_per_second=1) for n in range(50)]
        await asyncio.gather(*(publisher.publish(message, first(message)) for message in made))


async def send_events_to(nc: Connection, position: int) -> None:
    """Publish events until the stream ends there: of those that came last a killed broker may have lost some, as EVENTS is not synced."""
    last = (await stream_state(nc, EVENTS))["state"]["last_seq"]
    publisher = Publisher(nc, within=20)
    made = [TenantCreated(name=f"{n}", render_weight=1, max_slots=1, requests_per_second=1) for n in range(last, position)]
    await asyncio.gather(*(publisher.publish(message, first(message)) for message in made))


async def read_until(reader: StreamReader, position: int) -> list[int]:
    sequences: list[int] = []
    while not sequences or sequences[-1] < position:
        sequences += [msg.metadata.sequence.stream for msg in await reader.next(70, 5)]
    return sequences


async def test_a_reader_sees_every_event_once_and_in_order_across_kills(servers: Servers, admin: Connection, login: Login) -> None:
    reader = StreamReader(await login("studio"), EVENTS, after=10, window=40, prefix=LOG_API)
    reading = asyncio.create_task(read_until(reader, 300))
    nc = await login("log")
    for position in (100, 200, 300):
        await send_events_to(nc, position)
        await servers.kill("nats")
        await servers.restart("nats")
    await send_events_to(nc, 300)
    assert await reading == list(range(11, 301))
    await reader.close()


async def test_a_reader_waits_for_a_stream_that_is_made_later(log_admin: Connection, login: Login) -> None:
    await delete_stream(log_admin, EVENTS)
    reader = StreamReader(await login("studio"), EVENTS, after=0, prefix=LOG_API)
    assert await reader.next(10, 0.3) == []
    await api(log_admin, f"STREAM.CREATE.{EVENTS}", {"name": EVENTS, "subjects": ["evt.>"], "allow_atomic": True})
    await send_events(await login("log"), 50)
    assert await read_until(reader, 50) == list(range(1, 51))
    await reader.close()


async def test_a_reader_says_so_when_the_position_it_needs_is_gone(log_admin: Connection, login: Login) -> None:
    await delete_stream(log_admin, EVENTS)
    config = {"name": EVENTS, "subjects": ["evt.>"], "allow_atomic": True, "first_seq": 101}
    await api(log_admin, f"STREAM.CREATE.{EVENTS}", config)
    await send_events(await login("log"), 50)
    reader = StreamReader(await login("studio"), EVENTS, after=20, prefix=LOG_API)
    with pytest.raises(PositionGone, match="begins at 101; 21 is needed"):
        await reader.next(10, 10)
    await reader.close()


async def test_a_subscription_at_once_hears_everything_in_order_until_it_ends(admin: Connection) -> None:
    heard: list[bytes] = []
    ended = asyncio.Event()
    subject, end = f"tick.{uuid4()}.test.thing.heard.v1", f"tick.{uuid4()}.test.thing.ended.v1"
    subscription = await admin.subscribe_at_once(subject, lambda msg: heard.append(msg.data))
    await admin.subscribe_at_once(end, lambda msg: ended.set())
    for number in range(100):
        await admin.publish(subject, b"%d" % number, headers={"n": str(number)} if number % 2 else None)
    while len(heard) < 100:
        await asyncio.sleep(0.01)
    await subscription.unsubscribe()
    await admin.publish(subject, b"too late")
    await admin.publish(end, b"")
    await ended.wait()
    assert heard == [b"%d" % number for number in range(100)] and subscription._id not in admin._at_once


async def test_many_messages_are_acknowledged_in_one_write(admin: Connection, login: Login) -> None:
    publisher, consumer = Publisher(await login("edge")), PullConsumer(await login("identity"), STREAM, "identity")
    await send(publisher, 30)
    messages = []
    while len(messages) < 30:
        messages += await consumer.next(100, 5)
    ack_all(messages)
    while (await api(admin, f"CONSUMER.INFO.{STREAM}.identity"))["num_ack_pending"]:
        await asyncio.sleep(0.02)
    ack_all([])
    await consumer.close()
