"""Many tenants before one domain, over real servers: who has many delays nobody else, and nothing is lost or decided twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from nats.aio.msg import Msg

from adapters.nats import Connection, PullConsumer, api, deliveries_of, ensure_consumer, pull
from consumers.identity import DOMAIN
from consumers.runtime import intake
from consumers.runtime.intake import Intake
from consumers.runtime.item import Item
from consumers.runtime.runtime import Runtime
from contracts.catalogue import command_stream, consumers, undecided_subject
from contracts.envelope import first
from contracts.identity.tenants import CreateTenant
from contracts.queue import Undecided
from deploy.local.servers import Servers
from producers.publisher import Publisher
from tests.stream.support import Login
from tests.support.leading import app_connection

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
STREAM = command_stream("identity")
MANY = 500  # several times what fits in below; what is set aside comes back at the pace of a hundred a second


class Gate:
    """Keeps a domain from taking anything until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = False
        take, waits = Intake.take, Intake.__bool__

        def gated(one: Intake, most: int) -> list[Item]:
            return take(one, most) if self.open else []

        monkeypatch.setattr(Intake, "take", gated)
        monkeypatch.setattr(Intake, "__bool__", lambda one: self.open and waits(one))


@asynccontextmanager
async def deciding(servers: Servers, database: str, nc: Connection) -> AsyncIterator[tuple[Runtime, list[Item]]]:
    """Identity's runtime, and what it has decided, in that order."""
    consumer = PullConsumer(nc, STREAM, "identity", owns_stream=True)
    dsn = servers.pg_admin_dsn.replace("/postgres", f"/{database}")
    runtime = Runtime(DOMAIN, nc, lambda: app_connection(dsn, "identity"), [consumer], lambda cursor: None)  # type: ignore[arg-type,return-value]
    decided: list[Item] = []
    runtime.observers.append(decided.extend)
    task = asyncio.create_task(runtime.run())
    try:
        yield runtime, decided
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(publisher: Publisher, count: int, tenant: UUID) -> None:
    """Commands of one tenant; the first makes it, the others are refused as it is there."""
    made = [CreateTenant(name=f"tenant {number}") for number in range(count)]
    await asyncio.gather(*(publisher.publish(one, first(one, tenant=tenant)) for one in made))


async def until_seen(runtime: Runtime, count: int) -> None:
    """Wait until so many commands have been seen and not decided."""
    while sum(map(len, runtime.intake.sources[0].undecided.values())) < count:
        await asyncio.sleep(0.01)


async def until_acknowledged(admin: Connection) -> None:
    while (info := await api(admin, f"CONSUMER.INFO.{STREAM}.identity"))["num_ack_pending"] or info["num_pending"]:
        await asyncio.sleep(0.02)


async def test_one_command_behind_hundreds_of_another_tenant_is_decided_first_and_none_is_lost_or_doubled(
    servers: Servers, database: str, db: asyncpg.Connection, admin: Connection, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of the hundreds do not even fit in: they are set aside in their stream, and come back."""
    monkeypatch.setattr(intake, "WINDOW", 200)
    gate, publisher, many, few = Gate(monkeypatch), Publisher(await login("edge")), uuid4(), uuid4()
    await send(publisher, MANY, many)
    await send(publisher, 1, few)
    async with deciding(servers, database, await login("identity")) as (runtime, decided):
        await until_seen(runtime, MANY + 1)
        assert runtime.intake.sources[0].lanes.size < 300
        gate.open = True
        runtime._wake.set()
        await until_acknowledged(admin)
        order = [item.envelope.tenant for item in decided]
        assert order.index(few) < intake.SHARED
        assert len({item.envelope.id for item in decided}) == MANY + 1
    assert await db.fetchval("select count(*) from identity.inbox where tenant_id = any ($1)", [many, few]) == MANY + 1
    assert await db.fetchval("select count(*) from identity.tenants where tenant_id = any ($1)", [many, few]) == 2


async def test_what_is_held_for_long_is_told_as_in_progress_and_not_delivered_again(
    servers: Servers, database: str, admin: Connection, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = next(config for stream, config in consumers() if stream == STREAM) | {"ack_wait": 500_000_000}
    await ensure_consumer(admin, STREAM, config)
    monkeypatch.setattr(intake, "TELL", 0.1)
    gate = Gate(monkeypatch)
    await send(Publisher(await login("edge")), 50, uuid4())
    async with deciding(servers, database, await login("identity")) as (runtime, decided):
        await until_seen(runtime, 50)
        held = {held.sequence: held.told for held in runtime.intake.sources[0].lanes}
        while any(one.told < held[one.sequence] + 1.5 for one in runtime.intake.sources[0].lanes):  # three times as long as JetStream waits
            await asyncio.sleep(0.05)
        assert runtime.intake.sources[0].lanes.size == 50, "nothing came a second time"
        gate.open = True
        runtime._wake.set()
        await until_acknowledged(admin)
        assert [deliveries_of(item.raw) for item in decided] == [1] * 50


async def test_edges_hear_how_much_of_whom_is_not_decided_and_that_it_is_over(
    servers: Servers, database: str, admin: Connection, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "WINDOW", 200)
    gate, edge, tenant = Gate(monkeypatch), await login("edge"), uuid4()
    heard: list[Undecided] = []

    async def hear(msg: Msg) -> None:
        assert msg.subject == "queues.identity"
        heard.append(msgspec.json.decode(msg.data, type=Undecided))

    await edge.subscribe(undecided_subject(), cb=hear)
    await send(Publisher(edge), 150, tenant)
    async with deciding(servers, database, await login("identity")) as (runtime, _):
        while not heard or heard[-1].tenants != {str(tenant): 150}:
            await asyncio.sleep(0.02)
        assert heard[-1].most == 100, "another tenant must fit in beside it"
        gate.open = True
        runtime._wake.set()
        while heard[-1].tenants or heard[-1].most != 200:
            await asyncio.sleep(0.02)


async def test_what_is_gone_from_the_stream_without_being_decided_here_fills_nobodys_queue(
    servers: Servers, database: str, admin: Connection, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person removed it, or a leader that froze has acknowledged it as it woke: what was set aside does not come back then."""
    for name, value in (("HEARTBEAT", 0.2), ("TIDY_EVERY", 0.1)):
        monkeypatch.setattr(pull, name, value)
    monkeypatch.setattr(intake, "WINDOW", 64)
    Gate(monkeypatch)
    await send(Publisher(await login("edge")), 100, uuid4())
    async with deciding(servers, database, await login("identity")) as (runtime, _):
        await until_seen(runtime, 100)
        await api(admin, f"STREAM.PURGE.{STREAM}", {})
        while runtime.intake.sources[0].undecided:
            await asyncio.sleep(0.05)


async def test_who_leads_no_more_gives_back_what_it_held(
    servers: Servers, database: str, admin: Connection, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    await send(Publisher(await login("edge")), 100, uuid4())
    nc = await login("identity")
    async with deciding(servers, database, nc) as (runtime, _):
        await until_seen(runtime, 100)
    assert not runtime.intake and not runtime.intake.sources[0].undecided
    gate.open = True
    async with deciding(servers, database, await login("identity")) as (_, decided):
        await until_acknowledged(admin)
        assert len({item.envelope.id for item in decided}) == 100
