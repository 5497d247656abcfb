"""Errors over a real database: each costs its message, its type, or all of a domain's work, and nothing that was accepted is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, get_type_hints
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from consumers.runtime import runtime as runtimes
from consumers.runtime.batch import Batch
from consumers.runtime.decoding import Happened, unreacted
from consumers.runtime.faults import DomainWaits
from consumers.runtime.item import Item
from consumers.runtime.quarantine import NotRedriven, listing, redrive
from consumers.runtime.reactions import ears_of
from consumers.runtime.runtime import Runtime
from consumers.runtime.settling import Settler, probe
from contracts.content.projects import CreateProject, LearnBundle
from contracts.envelope import Envelope, first
from contracts.file_mgr.files import FileStored
from contracts.file_mgr.uploads import StartUpload
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import ChangeTenantLimits, CreateTenant
from contracts.message import PLATFORM, Command, Event, encode
from contracts.node import LeaveNode
from contracts.outcome import NOT_HANDLED
from contracts.render.templates import ReleaseTemplate
from deploy.local.servers import Servers
from tests.mutants.checks import Wire
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains, item_of
from tests.support.in_process import reacted as all_reacted
from tests.support.leading import app_connection, standing_by
from tests.support.password import PASSWORD
from tests.support.sample_history import sha


@pytest_asyncio.fixture(loop_scope="session")
async def damaged(servers: Servers) -> AsyncIterator[InProcessDomains]:
    """All domains over a database that the test may damage."""
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as running:
        yield running


class Settled:
    """A domain's settler, and what it told."""

    def __init__(self, in_process: InProcessDomains, domain: str) -> None:
        self.store, self.told = in_process.stores[domain], []
        self.settler = Settler(in_process.domains[domain], self._tell, lambda: None)

    async def _tell(self, batch: Batch) -> None:
        self.told.append(batch)

    async def take(self, *items: Item, cursor: int = 0) -> list[str]:
        """Settle them; answers what became of each: its outcome, or `back` when the broker has it again."""
        wire = Wire()
        for item in items:
            item.outcome, item.raw = None, wire.message() if not item.position else None
        await self.settler.settle(self.store, list(items), {"inspections": cursor} if cursor else {})
        self.answers = wire.answers
        return [item.outcome.state if item.outcome and _told(self.told, item) else "back" for item in items]


def _told(batches: Iterable[Batch], item: Item) -> bool:
    return any(item is one for batch in batches for one in batch.items)


def key_of(tenant: UUID, name: str) -> Item:
    return item_of(CreateApiKey(name=name, scopes=("*",), secret_sha256=sha(tenant, name), hint="h"), tenant)


async def kept(in_process: InProcessDomains, *items: Item) -> int:
    """How many of them have a row in identity's inbox."""
    ids = [item.envelope.id for item in items]
    return await in_process.admin.fetchval("select count(*) from identity.inbox where id = any($1::uuid[])", ids)  # type: ignore[no-any-return]


BREAKS = {
    "a missing column": (
        "alter table identity.tenant_api_keys rename column hint to gone",
        "alter table identity.tenant_api_keys rename column gone to hint",
    ),
    "a lacking privilege": (
        "revoke insert on identity.tenant_api_keys from identity_app",
        "grant insert on identity.tenant_api_keys to identity_app",
    ),
    "a column of a newer release": (
        "alter table identity.tenant_api_keys add column newer text not null default ''; "
        "alter table identity.tenant_api_keys alter column newer drop default",
        "alter table identity.tenant_api_keys drop column newer",
    ),
    "a table that is gone": ("alter table identity.tenant_api_keys rename to gone", "alter table identity.gone rename to tenant_api_keys"),
}


@pytest.mark.parametrize("what", BREAKS)
async def test_what_fails_by_our_own_fault_parks_its_type_and_no_other(damaged: InProcessDomains, what: str) -> None:
    breaks, mends = BREAKS[what]
    tenant = await damaged.tenant()
    settled = Settled(damaged, "identity")
    keys = [key_of(tenant, f"key {number}") for number in range(5)]
    others = [item_of(ChangeTenantLimits(max_slots=number + 1), tenant) for number in range(5)]
    mixed = [item for pair in zip(keys, others, strict=True) for item in pair]
    await damaged.admin.execute(breaks)
    assert await settled.take(*mixed) == ["back", "done"] * 5
    assert await kept(damaged, *keys) == 0 and "cmd.identity.api_key.create.v1" in settled.settler.parking
    assert all(answer.startswith(b"-NAK") for answer in settled.answers)
    await damaged.admin.execute(mends)
    assert await settled.take(*keys) == ["done"] * 5
    assert not settled.settler.parking


async def test_a_parked_type_is_tried_by_one_command_at_a_time_and_ever_more_seldom(damaged: InProcessDomains) -> None:
    parking = Settled(damaged, "identity").settler.parking
    delays = [parking.park("a", "why") for _ in range(8)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]
    parking._places["a"].until = 0.0
    assert [parking.wait("a") > 0 for _ in range(3)] == [False, True, True] and parking.wait("b") == 0


async def test_a_parked_command_of_this_very_process_is_tried_when_its_turn_comes(damaged: InProcessDomains) -> None:
    runtime = Runtime(damaged.domains["identity"], None, None, [], None)  # type: ignore[arg-type]
    dropped: list[Item] = []
    runtime.settler.on_put_off = dropped.append
    own = [key_of(await damaged.tenant(), str(number)) for number in range(3)]
    parking, kind = runtime.settler.parking, own[0].envelope.type

    def taken() -> list[Item]:
        runtime._own.extend(own)
        return runtime._take_own()

    parking.park(kind, "why")
    assert taken() == [] and dropped == own
    parking._places[kind].until = 0.0
    assert taken() == own[:1], "or nothing would ever show that it works again"
    parking.free(kind)
    assert taken() == own


@pytest.mark.parametrize(
    "breaks",
    [
        "alter table identity.inbox rename column outcome to gone",
        "revoke insert on identity.outbox from identity_app",
        "alter role identity_app set default_transaction_read_only = on",
    ],
)
async def test_a_runtime_whose_own_statements_fail_waits_and_gives_all_back(damaged: InProcessDomains, breaks: str) -> None:
    tenant = await damaged.tenant()
    settled = Settled(damaged, "identity")
    await probe(settled.store)
    keys = [key_of(tenant, f"key {number}") for number in range(3)]
    if "read_only" in breaks:  # of this session alone: the role is everybody's
        await settled.store.conn.execute("set default_transaction_read_only = on")
    else:
        await damaged.admin.execute(breaks)
    with pytest.raises(DomainWaits):
        await settled.take(*keys)
    with pytest.raises(DomainWaits):
        await probe(settled.store)
    assert await kept(damaged, *keys) == 0 and not settled.settler.parking


async def test_a_probe_leaves_nothing(damaged: InProcessDomains) -> None:
    for domain, store in damaged.stores.items():
        await probe(store)
        for table in ("inbox", "outbox", "effects", "timers"):
            assert await damaged.admin.fetchval(f"select count(*) from {domain}.{table}") == 0
        assert await damaged.admin.fetchval(f"select count(*) from {domain}.cursors where name = 'probe'") == 0


class Saying(Wire):
    """Keeps what is said, too."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    async def publish(self, subject: str, body: bytes = b"", **_: Any) -> None:
        self.said.append(subject)


@asynccontextmanager
async def running(in_process: InProcessDomains) -> AsyncIterator[tuple[Runtime, list[str]]]:
    """Identity's runtime, and what it says."""
    wire = Saying()
    runtime = Runtime(in_process.domains["identity"], wire, lambda: app_connection(in_process.dsn, "identity"), [wire], None)  # type: ignore[arg-type,list-item]
    task = asyncio.create_task(runtime.run())
    try:
        async with asyncio.timeout(30):
            yield runtime, wire.said
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_domain_works_again_by_itself_and_says_meanwhile_that_it_waits(damaged: InProcessDomains) -> None:
    await damaged.admin.execute("alter table identity.inbox rename column outcome to gone")
    async with running(damaged) as (runtime, said):
        while "waits.identity" not in said:
            await asyncio.sleep(0.05)
        assert not runtime.active.is_set() and "outcome" in runtime.waits
        await damaged.admin.execute("alter table identity.inbox rename column gone to outcome")
        await runtime.active.wait()
        assert not runtime.waits


async def test_who_waited_and_stands_by_now_does_not_say_that_the_domain_waits(
    damaged: InProcessDomains, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader may work long since; its commands must not be refused for what another process saw."""
    monkeypatch.setattr(runtimes, "SAYING", 0.05)
    await damaged.admin.execute("alter table identity.inbox rename column outcome to gone")
    async with running(damaged) as (runtime, said):
        while "waits.identity" not in said:
            await asyncio.sleep(0.05)
        async with standing_by(damaged.dsn, "identity", key=runtime.leading._key).lead():
            while not runtime.leading.stands_by:
                await asyncio.sleep(0.05)
            said.clear()
            await asyncio.sleep(0.5)
            assert not said
        while "waits.identity" not in said:  # it leads again, and nothing was mended
            await asyncio.sleep(0.05)


async def test_what_the_process_itself_asks_for_is_tried_again_when_its_type_was_parked(damaged: InProcessDomains) -> None:
    tenant = await damaged.tenant()
    own = key_of(tenant, "its own")
    async with running(damaged) as (runtime, _):
        put_off: list[Item] = []
        runtime.settler.on_put_off = put_off.append
        await runtime.active.wait()
        await damaged.admin.execute(BREAKS["a missing column"][0])
        assert own.command is not None
        runtime.submit(own.command, own.envelope)
        while not put_off:
            await asyncio.sleep(0.02)
        await damaged.admin.execute(BREAKS["a missing column"][1])
        while not await kept(damaged, own):
            runtime.submit(own.command, own.envelope)
            await asyncio.sleep(0.2)
        assert not runtime.settler.parking


async def test_a_standby_leaves_it_to_the_leader_to_say_that_the_domain_waits(
    damaged: InProcessDomains, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, int] = {"one": 0, "other": 0}
    monkeypatch.setattr("consumers.runtime.runtime.SAYING", 0.1)

    class Saying(Wire):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        async def publish(self, subject: str, body: bytes = b"", **_: Any) -> None:
            said[self.name] += subject == "waits.identity"

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(damaged.dsn, user="identity_app", password=PASSWORD, server_settings={"timezone": "UTC"})

    await damaged.admin.execute("alter table identity.inbox rename column outcome to gone")
    wires = [Saying(name) for name in said]
    runtimes = [Runtime(damaged.domains["identity"], wire, connect, [wire], None) for wire in wires]  # type: ignore[arg-type,list-item]
    running = [asyncio.create_task(runtime.run()) for runtime in runtimes]
    try:
        async with asyncio.timeout(40):
            while not all(said.values()):
                await asyncio.sleep(0.05)
            await damaged.admin.execute("alter table identity.inbox rename column gone to outcome")
            while not any(runtime.active.is_set() for runtime in runtimes) or not any(one.leading.stands_by for one in runtimes):
                await asyncio.sleep(0.05)
        before = dict(said)
        await asyncio.sleep(0.5)
        assert said == before, "one of them works, and the other has nothing to say"
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_what_cannot_be_stored_is_quarantined_without_loading_anything(in_process: InProcessDomains) -> None:
    """A text in a key that PostgreSQL cannot hold fails the loading, too."""
    bad = item_of(ReleaseTemplate(template="\0"), PLATFORM)
    good = item_of(ReleaseTemplate(template=sha("t")), PLATFORM)
    settled = Settled(in_process, "render")
    assert await settled.take(bad, good) == ["quarantined", "refused"]
    assert settled.answers == [] or all(answer == b"+ACK" for answer in settled.answers)
    found = {one.id: one for one in await listing(in_process.stores["render"].conn, "render")}
    assert "invalid byte sequence" in found[bad.envelope.id].reason or "0x00" in found[bad.envelope.id].reason
    assert bad.outcome and bad.outcome.problem == NOT_HANDLED


async def test_even_what_cannot_be_kept_is_quarantined_with_its_reason(
    in_process: InProcessDomains, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = item_of(CreateTenant(name="\0"), uuid4())
    monkeypatch.setattr(Item, "text", property(lambda item: "\0"))  # as if something were overlooked there
    assert await Settled(in_process, "identity").take(bad) == ["quarantined"]
    with pytest.raises(NotRedriven, match="nothing of this command"):
        await redrive(
            in_process.stores["identity"].conn, in_process.domains["identity"], _nobody, bad.envelope.tenant, bad.envelope.id, _nothing
        )


async def _nobody(*_: Any, **__: Any) -> int:
    raise AssertionError("nothing is to be published")


async def _nothing(position: int) -> Happened:
    raise AssertionError(position)


def stored_file(tenant: UUID, name: str = "n") -> tuple[Envelope, FileStored]:
    event = FileStored(file_id=uuid4(), upload_id=uuid4(), name=name, bytes=1, object_key="k", **_more(FileStored))
    return first(event, tenant=tenant), event


def _more(cls: type[Any]) -> dict[str, Any]:
    """Values for what a test does not care about."""
    known = {"file_id", "upload_id", "name", "bytes", "object_key"}
    blank = {"str": "", "int": 0, "float": 0.0}
    fields, hints = msgspec.structs.fields(cls), get_type_hints(cls)
    return {field.name: blank[hints[field.name].__name__] for field in fields if field.name not in known and field.required}


def reacted(in_process: InProcessDomains, domain: str, envelope: Envelope, event: Event, position: int) -> list[Item]:
    return all_reacted(in_process.domains[domain], envelope, event, position)


async def test_the_cursor_never_passes_a_reaction_that_is_not_stored(damaged: InProcessDomains) -> None:
    tenant = await damaged.tenant()
    settled = Settled(damaged, "render")
    await damaged.admin.execute("update log.head set published = 100; update render.cursors set position = 10")
    settled.settler.begin({"inspections": 10})
    await damaged.admin.execute("alter table render.inspections rename column name to gone")
    [held] = reacted(damaged, "render", *stored_file(tenant), position=14)
    assert await settled.take(held, item_of(LeaveNode(), PLATFORM, actor=f"node:{uuid4()}"), cursor=20) == ["back", "done"]
    cursor = "select position from render.cursors where name = 'reaction.inspections'"
    assert settled.settler.held == [held] and await damaged.admin.fetchval(cursor) == 13
    await damaged.admin.execute("alter table render.inspections rename column gone to name")
    settled.settler.parking._places[held.envelope.type].until = 0.0
    again = settled.settler.take_held()
    assert again == [held] and await settled.take(*again, cursor=20) == ["done"]
    assert settled.settler.kept == {"inspections": 20} and await damaged.admin.fetchval(cursor) == 20
    assert await damaged.admin.fetchval("select count(*) from render.inspections where tenant_id = $1", tenant) == 1


async def test_held_reactions_of_a_type_that_works_again_wait_no_longer_and_come_in_batches(damaged: InProcessDomains) -> None:
    tenant = await damaged.tenant()
    settler = Settled(damaged, "render").settler
    settler.held = [item for at in range(5) for item in reacted(damaged, "render", *stored_file(tenant), position=at + 1)]
    kind, settler.most = settler.held[0].envelope.type, 3
    settler.parking.park(kind, "why")
    assert settler.next_turn() > 0.5 and not settler.take_held()
    settler.parking.free(kind)  # a command of the type came by another way, and was carried out
    assert settler.next_turn() < 0.5
    assert [len(settler.take_held()) for _ in range(3)] == [3, 2, 0] and settler.next_turn() == float("inf")


async def test_the_cursor_counts_as_kept_as_far_as_it_is_stored(damaged: InProcessDomains) -> None:
    """What is not known to be published yet is kept later, though nothing follows."""
    settled = Settled(damaged, "render")
    settled.settler.begin({"inspections": 0})
    await damaged.admin.execute("update log.head set published = 7")
    await settled.take(cursor=9)
    assert settled.settler.kept == {"inspections": 7}
    await damaged.admin.execute("update log.head set published = 9")
    await settled.take(cursor=9)
    assert settled.settler.kept == {"inspections": 9}


async def test_a_reaction_that_fails_is_quarantined_and_redriven_from_the_log(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    domain = in_process.domains["render"]
    envelope, event = stored_file(tenant, "waits for a person")

    happened = Happened(77, envelope, encode(event))
    broken = unreacted(domain, ears_of(domain.reacts).named["inspections"], happened, TypeError("a bug"))  # type: ignore[arg-type]
    await in_process.decide("render", [broken])
    conn = in_process.stores["render"].conn
    [found] = [one for one in await listing(conn, "render") if one.id == broken.envelope.id]
    where = (found.position, found.reaction, found.type)
    assert where == (
        77,
        "inspections",
        "evt.file_mgr.file.stored.v1",
    )
    assert "TypeError" in found.reason
    published: list[tuple[Command, Envelope]] = []

    async def publish(command: Command, envelope: Envelope, *, scope: Any = None) -> int:
        published.append((command, envelope))
        return 1

    async def event_at(position: int) -> Happened:
        assert position == 77
        return happened

    await redrive(conn, domain, publish, tenant, broken.envelope.id, event_at)
    [item] = reacted(in_process, "render", envelope, event, 77)
    assert published == [(item.command, item.envelope)]  # under the id that the reaction has anyway: it is decided once
    assert broken.envelope.id not in {one.id for one in await listing(conn, "render")}
    outcomes = await in_process.decide("render", [Item(envelope=envelope, command=command) for command, envelope in published])
    assert [outcome and outcome.state for outcome in outcomes] == ["done"]


async def test_a_reactions_command_that_cannot_be_stored_names_its_event(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    [bad] = reacted(in_process, "render", *stored_file(tenant, "with \0 zero"), position=5)
    assert await Settled(in_process, "render").take(bad) == ["quarantined"]
    [found] = [one for one in await listing(in_process.stores["render"].conn, "render") if one.id == bad.envelope.id]
    assert (found.position, found.type) == (5, "cmd.render.inspection.request.v1")


async def test_creating_what_is_there_is_refused_and_writes_over_nothing(
    in_process: InProcessDomains, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await in_process.tenant()
    learn = LearnBundle(file_id=uuid4(), state="ready", sha256="s", scan_key="k")
    await in_process.decide("content", [item_of(learn, tenant)])
    same = uuid4()
    monkeypatch.setattr("consumers.runtime.domain.moment_id", lambda *_: same)  # as if two decisions gave one id
    one, two, three = (item_of(CreateProject(name=name, file_id=learn.file_id), tenant) for name in ("first", "second", "third"))
    settled = Settled(in_process, "content")
    assert await settled.take(one) == ["done"]
    assert await settled.take(two, three) == ["refused", "refused"]
    assert two.outcome and two.outcome.problem and two.outcome.problem.code == "command.exists"
    names = await in_process.admin.fetch("select name from content.projects where tenant_id = $1", tenant)
    assert [row["name"] for row in names] == ["first"]


async def test_one_command_id_in_two_domains_and_at_two_moments_makes_different_facts(in_process: InProcessDomains) -> None:
    tenant, id = await in_process.tenant(), uuid4()
    upload = item_of(StartUpload(name="a file", bytes=10), tenant, id=id)
    key = item_of(CreateApiKey(name="k", scopes=("*",), secret_sha256=sha(id), hint="h"), tenant, id=id)
    await in_process.decide("file_mgr", [upload])
    await in_process.decide("identity", [key])
    await in_process.admin.execute("delete from identity.inbox where id = $1", id)  # thirty days later
    later = item_of(CreateApiKey(name="k", scopes=("*",), secret_sha256=sha(id, 2), hint="h"), tenant, id=id)
    await in_process.decide("identity", [later])
    ids = [entry[0].id for item in (upload, key, later) for entry in item.events]
    assert len(set(ids)) == len(ids) == 3
    times = [entry[0].time for item in (upload, key, later) for entry in item.events]
    assert sorted(ids) == ids and sorted(times) == times
    assert await in_process.admin.fetchval("select count(*) from identity.tenant_api_keys where tenant_id = $1", tenant) == 2


async def test_the_moment_of_a_decision_stands_in_its_inbox_row(in_process: InProcessDomains) -> None:
    tenant = await in_process.tenant()
    item = key_of(tenant, "k")
    await in_process.decide("identity", [item])
    decided = await in_process.admin.fetchval("select decided_at from identity.inbox where id = $1", item.envelope.id)
    made = item.events[0][0].id
    assert made.version == 8 and made.int >> 80 == int(decided.astimezone(UTC).timestamp() * 1000)
    assert decided == item.events[0][0].time <= datetime.now(UTC)
