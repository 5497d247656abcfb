"""The promises I1 to I5, I8 and I9 as checks over domains on a real database; a broken promise is a Broken."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from adapters.nats import Connection, Frame, StreamError, StreamReader, api, create_stream, ensure_stream, header_lines
from api_edge import signing
from api_edge.feed import Feed
from api_edge.reading import Head
from api_edge.secret_texts import secret_hash
from api_edge.secrets import API_KEY, drawn, text_of
from api_edge.signing import Signer
from consumers.log.event import frame_of
from consumers.log.window import Window
from consumers.render.places import segment_place
from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.effects import EffectRunner
from consumers.runtime.reading import read_command
from consumers.runtime.runtime import Runtime
from consumers.runtime.store import Store
from contracts.catalogue import EVENTS, events_stream
from contracts.chain import Marks
from contracts.envelope import first
from contracts.file_mgr import AbortUpload, StartUpload
from contracts.identity import ChangeTenantLimits, CreateApiKey, RevealSecret
from contracts.message import PLATFORM, type_of
from contracts.node import LeaveNode, ReportSegment
from contracts.render import ExpirePart, RequestInspection, SegmentsPlanned, SegmentVerified
from deploy.replay import verify
from tests.support.house import MOST, PASSWORD, House, item_of
from tests.support.leading import leads, pool_of, standing_by
from tests.support.story import Story, sha

SOON = 25.0  # seconds: longer than any recovery takes on a slow machine, and shorter than a dead process's claim lasts
SIGNER = Signer("0123456789abcdef")


class Broken(Exception):
    """A promise does not hold; the text says where."""


def hold(condition: object, otherwise: str) -> None:
    """Raises Broken unless the condition holds."""
    if not condition:
        raise Broken(otherwise)


class Wire:
    """Stands for the broker: keeps what is answered to messages, and delivers nothing."""

    is_connected = True

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    async def publish(self, subject: str, body: bytes = b"", **_: Any) -> None:
        """Note an acknowledgement."""
        if subject == "answer":
            self.answers.append(body)

    def send_now(self, messages: Any) -> None:
        """Note acknowledgements."""
        self.answers += [body for subject, body, _, _ in messages if subject == "answer"]

    def message(self) -> Any:
        """Something to be acknowledged."""
        return SimpleNamespace(_client=self, reply="answer")

    async def next(self, limit: int, wait: float) -> list[Any]:
        """No command comes."""
        await asyncio.sleep(wait)
        return []

    async def pause(self) -> None:
        """Nothing is on its way."""


def runtime_of(house: House, domain: str, wire: Wire, connect: Any = None) -> Runtime:
    """A domain's loop without a broker."""
    return Runtime(house.domains[domain], wire, connect, [wire], None)  # type: ignore[arg-type]


async def connection_of(house: House, domain: str) -> asyncpg.Connection:
    """A connection like the house's own."""
    return await asyncpg.connect(house.dsn, user=f"{domain}_app", password=PASSWORD, server_settings={"timezone": "UTC"})


async def repeated_commands_are_applied_once(house: House) -> None:
    """I1: a command that is delivered again, in the same batch or later, gets its first outcome and does nothing more."""
    tenant = await house.tenant()
    begun = await house.send(StartUpload(name="a file", bytes=10), tenant)
    abort = item_of(AbortUpload(upload_id=UUID(begun["upload_id"])), tenant)
    again = [item_of(abort.command, tenant, id=abort.envelope.id) for _ in range(2)]  # type: ignore[arg-type]
    try:
        first, _ = await house.decide("file_mgr", [abort, again[0]])
    except asyncpg.PostgresError as error:
        raise Broken(f"the batch with the repeated command cannot be stored: {error}") from error
    await house.sequence()
    await house.admin.execute("delete from file_mgr.effects where tenant_id = $1", tenant)
    (later,) = await house.decide("file_mgr", [again[1]])
    assert first is not None
    hold(later is not None and later.state == first.state == "done", f"the repeated command became {later}")
    assert later is not None
    hold(msgspec.json.decode(later.body) == msgspec.json.decode(first.body), "the repeated command got another answer")
    effects = await house.admin.fetchval("select count(*) from file_mgr.effects where tenant_id = $1", tenant)
    hold(effects == 0, "the repeated command had its effect again")
    version = await house.admin.fetchval("select version from file_mgr.upload_sessions where tenant_id = $1", tenant)
    hold(version == 2, f"the row was changed {version} times, not twice")


async def what_is_not_committed_is_not_acknowledged(house: House) -> None:
    """I1: while the database is away, messages are given back."""
    wire = Wire()
    conn = await connection_of(house, "file_mgr")
    item = item_of(StartUpload(name="a file", bytes=10), await house.tenant())
    item.raw = wire.message()
    conn.terminate()
    with contextlib.suppress(asyncpg.InterfaceError, OSError):
        await runtime_of(house, "file_mgr", wire).settler.settle(Store(conn, "file_mgr"), [item], 0)
    hold(wire.answers and not any(answer.startswith(b"+ACK") for answer in wire.answers), f"the broker was told {wire.answers}")


async def every_change_has_its_event(house: House) -> None:
    """I2: a changed row, and a refusal, have an event in the log that names its cause."""
    tenant = await house.tenant()
    done = item_of(StartUpload(name="a file", bytes=10), tenant)
    refused = item_of(AbortUpload(upload_id=uuid4()), tenant)
    await house.decide("file_mgr", [done, refused])
    await house.sequence()
    for item, kind in ((done, "evt.file_mgr.upload.started.v1"), (refused, "evt.file_mgr.command.refused.v1")):
        rows = await house.admin.fetch("select type, actor from log.events where causation_id = $1", item.envelope.id)
        hold([tuple(row) for row in rows] == [(kind, "key:test")], f"{item.envelope.type} caused {rows}, not {kind}")


async def late_reports_are_refused(house: House, story: Story) -> None:
    """I3: who lost its lease, or never had it, is refused; a segment is accepted once."""
    tenant = story.tenants[0]
    planned = await story.all([(story.request(tenant, uuid4().int % 10**9), tenant)])
    plan = next(event for _, event in planned if isinstance(event, SegmentsPlanned))
    ((late, _),) = await story.assign("render", [(tenant, plan.job_id, 0, 1)])
    await story.all([(ExpirePart(part_id=late.part_id, reason="silence"), tenant)], actor="scheduler")
    ((holder, _),) = await story.assign("render", [(tenant, plan.job_id, 0, 1)])

    async def report(part: Any, actor: str) -> str:
        place = segment_place(tenant, part.keys[0], part.epoch, part.part_id)
        segment = ReportSegment(
            part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=place, sha256=sha(part.part_id),
            bytes=10, frames=plan.segments[0].count, difference=0.1, seconds=0.1,
        )  # fmt: skip
        (outcome,) = await house.decide("render", [item_of(segment, tenant, actor=actor)])
        return outcome.state if outcome else "none"

    hold(await report(late, f"node:{late.node_id}") == "refused", "a report under a lease that is over was accepted")
    hold(await report(holder, f"node:{uuid4()}") == "refused", "a node reported on a part that it never held")
    hold(await report(holder, f"node:{holder.node_id}") == "done", "the holder's report was refused")
    await report(holder, f"node:{holder.node_id}")
    verified = [event for _, event in house.events if isinstance(event, SegmentVerified) and event.key == holder.keys[0]]
    hold(
        [event.part_id for event in verified] == [holder.part_id], f"the segment was accepted from {[event.part_id for event in verified]}"
    )


async def tenants_are_apart(house: House) -> None:
    """I4: no command reaches another tenant's row, and no statement of a transaction that serves one tenant sees another's."""
    mine, other = await house.tenant(), await house.tenant()
    theirs = UUID((await house.send(StartUpload(name="theirs", bytes=10), other))["upload_id"])
    (outcome,) = await house.decide("file_mgr", [item_of(AbortUpload(upload_id=theirs), mine)])
    hold(outcome and outcome.state == "refused", "a tenant aborted another's upload")
    store = house.stores["file_mgr"]
    async with store.transaction({mine}):
        seen = await store.conn.fetchval("select count(*) from file_mgr.upload_sessions where upload_id = $1", theirs)
    hold(seen == 0, "a statement for one tenant saw another's row")
    state = await house.admin.fetchval("select state from file_mgr.upload_sessions where upload_id = $1", theirs)
    hold(state == "started", f"the other tenant's upload is {state}")


async def no_cursor_passes_what_is_published(house: House) -> None:
    """A domain's cursor stops where EVENTS is known to hold the log: what follows may be foreign."""
    store = house.stores["studio"]
    published = await house.sequence()
    async with store.transaction(None):
        await store.conn.execute(store.q.move_cursor, published + 5)
    cursor = await store.conn.fetchval(store.q.cursor)
    hold(cursor <= published, f"the cursor is at {cursor}, and {published} is published")


async def a_repeated_event_stops_its_outbox_alone(house: House) -> None:
    """Of two facts under one id the second waits with all behind it, and the other domains go on."""
    tenant = await house.tenant("once")
    await house.sequence()
    event = await house.admin.fetchval("select event_id from log.events where tenant_id = $1", tenant)
    columns = "type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body"
    copied = f"insert into notification.outbox (event_id, {columns}) select $1, {columns} from log.events where event_id = $2"
    behind = uuid4()
    await house.admin.execute(copied, event, event)
    await house.admin.execute(copied, behind, event)
    other = await house.tenant("another")
    try:
        await house.sequence()
    except asyncpg.PostgresError as error:
        raise Broken(f"the log stopped for everybody: {error}") from error
    waiting = [row["event_id"] for row in await house.admin.fetch("select event_id from notification.outbox order by id")]
    hold(waiting == [event, behind], f"of the outbox that repeats {event}, {waiting} waits")
    logged = await house.admin.fetchval("select count(*) from log.events where tenant_id = $1", other)
    hold(logged, "another domain's event is not in the log")


async def foreign_messages_are_not_taken(house: House) -> None:
    """What does not bear the log's marks reaches no domain and no client, and moves no position; the real one at its place does."""
    tenant = await house.tenant()
    last = await house.sequence()
    row = tuple(await house.admin.fetchrow("select * from log.events where position = $1", last))
    head = await house.admin.fetchrow("select epoch, seal from log.head")
    marks = Marks(head["epoch"], head["seal"])
    wrong = [frame_of(row, Marks(0, "a guess")), frame_of((*row[:11], '{"name":"forged"}', *row[12:]), marks)]
    for frame in (*wrong, Frame("evt", b"", b"")):
        _not_taken(frame, frame_of(row, marks), last, marks, Head(last - 1, last, head["epoch"], [], head["seal"]), tenant)


def _not_taken(foreign: Frame, real: Frame, position: int, marks: Marks, head: Head, tenant: UUID) -> None:
    reader = StreamReader(SimpleNamespace(on_back=set()), "EVENTS", position - 1)  # type: ignore[arg-type]
    reader._is_genuine = marks.fits
    given = reader._in_order([_delivered(foreign, position)])
    hold(not given and reader.position == position - 1, f"a domain's reader took {foreign}")
    told: list[UUID] = []
    feed = Feed(None, None, None)  # type: ignore[arg-type]
    feed._begin(head)
    feed.listeners.append(lambda event: told.append(event.tenant_id))
    feed._receive(_delivered(foreign, position))
    hold(not told and feed.position == position - 1, f"the edge took {foreign}")
    feed._receive(_delivered(real, position))
    hold(told == [tenant], "the edge did not take the real event")


async def nothing_foreign_stays_in_the_window(house: House, nc: Connection) -> None:
    """A foreign message between two events of a row: the stream is made anew, and holds the log's events and no others."""
    for number in range(6):
        await house.tenant(f"tenant {number}")
    await house.sequence()
    rows = [tuple(row) for row in await house.admin.fetch("select * from log.events order by position")]
    await ensure_stream(nc, events_stream())
    await api(nc, f"STREAM.DELETE.{EVENTS}")
    await create_stream(nc, events_stream())
    window = Window(house._log, asyncio.Lock(), nc)
    await window.load()
    await window.publish(rows[:2])
    await nc.publish(Frame(*frame_of(rows[0], Marks(0, "x"))).subject, b"foreign")
    with contextlib.suppress(StreamError):
        await window.publish(rows[2:])
    await window.align()
    reader = StreamReader(nc, EVENTS, 0)
    found: list[str] = []
    while batch := await reader.next(100, 0.5):
        found += [(msg.headers or {}).get("ce-id", "") for msg in batch]
    await reader.close()
    hold(found == [str(row[1]) for row in rows], f"the stream holds {found}, the log {[str(row[1]) for row in rows]}")


def _delivered(frame: Frame, position: int) -> Any:
    """A message as a reader and as the edge's subscription get it."""
    headers = {**header_lines(frame.lines), "Nats-Sequence": str(position)}
    return SimpleNamespace(subject=frame.subject, headers=headers, data=frame.body, reply=f"$JS.ACK.EVENTS.reader.1.{position}.1.0.0")


async def the_log_gives_the_same_rows(house: House) -> None:
    """I5: played into empty tables, the log makes the same content."""
    tenant = await house.tenant()
    begun = await house.send(StartUpload(name="a file", bytes=10), tenant)
    await house.send(AbortUpload(upload_id=UUID(begun["upload_id"])), tenant)
    await house.sequence()
    report = await verify(house.dsn, list(house.domains.values()))
    hold(report.equal, f"{report.problems[:3]} {[str(one) for one in report.differences[:3]]}")


async def two_facts_have_two_ids(house: House) -> None:
    """I2: one command id that comes to two domains, and again once it is forgotten, makes events of different ids."""
    tenant, id = await house.tenant(), uuid4()
    made = []
    for number in range(2):
        upload = item_of(StartUpload(name="a file", bytes=10), tenant, id=id)
        key = item_of(CreateApiKey(name=f"key {number}", scopes=("*",), secret_sha256=sha(tenant, number), hint="abcd"), tenant, id=id)
        for domain, item in (("file_mgr", upload), ("identity", key)):
            try:
                await house.decide(domain, [item])
            except asyncpg.PostgresError as error:
                raise Broken(f"the second cannot be stored: {error}") from error
            await house.admin.execute(f"delete from {domain}.inbox where id = $1", id)
            made += [envelope.id for envelope, _, _, _ in item.events]
    hold(len(set(made)) == len(made) == 4, f"four facts have the ids {made}")
    keys = await house.admin.fetchval("select count(*) from identity.tenant_api_keys where tenant_id = $1", tenant)
    hold(keys == 2, f"there are {keys} keys, two were created")


async def a_node_cannot_take_a_commands_id(house: House) -> None:
    """I4: a report is no other fact, whatever id and tenant its headers name."""
    tenant, node = await house.tenant(), uuid4()
    item = item_of(StartUpload(name="a file", bytes=10), tenant)
    report = msgspec.structs.replace(first(LeaveNode(), tenant=tenant), id=item.envelope.id)
    wire = SimpleNamespace(headers=report.headers(), data=b"{}", subject=type_of(LeaveNode).subject(node))
    read = read_command(house.domains["render"], wire)  # type: ignore[arg-type]
    await house.decide("render", [read])
    rows = await house.admin.fetch("select tenant_id from render.inbox where id = $1 or tenant_id = $2", item.envelope.id, tenant)
    hold(not rows, f"the report stands in the inbox under the id or the tenant that it chose: {rows}")


async def our_own_fault_costs_no_command(house: House) -> None:
    """I1, I8: while a column is missing, what needs it waits, and what does not goes on; nothing healthy is quarantined."""
    tenant, wire = await house.tenant(), Wire()
    key = item_of(CreateApiKey(name="key", scopes=("*",), secret_sha256=sha(tenant), hint="abcd"), tenant)
    other = item_of(ChangeTenantLimits(max_slots=3), tenant)
    for item in (key, other):
        item.raw = wire.message()
    await house.admin.execute("alter table identity.tenant_api_keys rename column hint to gone")
    await runtime_of(house, "identity", wire).settler.settle(house.stores["identity"], [key, other], 0)
    found = {
        row["id"]: row["state"] for row in await house.admin.fetch("select id, state from identity.inbox where tenant_id = $1", tenant)
    }
    hold(key.envelope.id not in found, f"the command whose column is missing is {found.get(key.envelope.id)}")
    hold(found.get(other.envelope.id) == "done", "the command that needs no column of it was not carried out")


async def a_cursor_passes_nothing_over(house: House) -> None:
    """I1: a reaction that cannot be stored just now is read again by whoever leads next."""
    tenant, store = await house.tenant(), house.stores["render"]
    await house.admin.execute("update log.head set published = 100")
    await store.conn.execute(store.q.move_cursor, 10)
    settler = runtime_of(house, "render", Wire()).settler
    settler.begin(10)
    request = item_of(RequestInspection(file_id=uuid4(), name="n", bytes=1, object_key="k"), tenant)
    request.position = 14
    await house.admin.execute("alter table render.inspections rename column name to gone")
    await settler.settle(store, [request, item_of(LeaveNode(), PLATFORM, actor=f"node:{uuid4()}")], 20)
    cursor = await store.conn.fetchval(store.q.cursor)
    hold(cursor < 14, f"the cursor is at {cursor}, the reaction to 14 is nowhere")


async def a_poisoned_command_costs_only_itself(house: House) -> None:
    """I8: what the database refuses ends in quarantine with its reason; its neighbours of the batch are done."""
    tenant, wire = await house.tenant(), Wire()
    keys = [CreateApiKey(name=name, scopes=("*",), secret_sha256=sha(name), hint="abcd") for name in ("good", "po\x00ison", "better")]
    items = [item_of(key, tenant) for key in keys]
    for item in items:
        item.raw = wire.message()
    try:
        await runtime_of(house, "identity", wire).settler.settle(house.stores["identity"], items, 0)
    except Exception as error:
        raise Broken(f"one command ended its domain: {error!r}") from error
    rows = await house.admin.fetch("select id, state, reason as why from identity.inbox where tenant_id = $1", tenant)
    states = {row["id"]: (row["state"], bool(row["why"])) for row in rows}
    found = [states.get(item.envelope.id) for item in items]
    hold(found == [("done", False), ("quarantined", True), ("done", False)], f"the three commands became {found}")
    hold(wire.answers == [b"+ACK"] * 3, f"the broker was told {wire.answers}")


async def what_a_dead_process_left_is_done_at_once(house: House) -> None:
    """I9: effects that a process had claimed when it died are run by its successor without waiting for the claim to end."""
    tenant = await house.tenant()
    await house.send(StartUpload(name="a file", bytes=10), tenant)
    ran = asyncio.Event()

    async def run(payload: Any, envelope: Any, tools: Any) -> list[Any]:
        if envelope.tenant == tenant:
            ran.set()
        return []

    domain = msgspec.structs.replace(house.domains["file_mgr"], runs=dict.fromkeys(house.domains["file_mgr"].runs, run))
    creating = asyncpg.create_pool(house.dsn, user="file_mgr_app", password=PASSWORD, min_size=1, max_size=2)
    async with creating as pool, leads(house.dsn, "file_mgr") as leading:
        runner = EffectRunner(domain, pool, lambda command, envelope: asyncio.sleep(0), None, leading)
        running = asyncio.create_task(runner.run())
        await runner.take_over()
        try:
            await asyncio.wait_for(ran.wait(), SOON)
        except TimeoutError:
            raise Broken(f"the effect was not run within {SOON:.0f} s") from None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def a_leader_that_froze_loses_its_lock(house: House) -> None:
    """I9: a domain whose leader froze in the middle of a transaction is led by a standby, and what it wrote does not come about."""
    standby, frozen = standing_by(house.dsn, "file_mgr"), await connection_of(house, "file_mgr")
    await frozen.execute("select pg_advisory_lock($1)", standby._key)
    await frozen.execute("begin; set local app.tenants = '*'; insert into file_mgr.cursors values ('late', 1)")
    try:
        async with asyncio.timeout(SOON), standby.lead() as line:
            await line.conn.execute("insert into file_mgr.cursors values ('late', 2)")
    except TimeoutError:
        raise Broken(f"nobody led the domain within {SOON:.0f} s") from None
    finally:
        with contextlib.suppress(*DATABASE_AWAY):
            await frozen.execute("commit")
        frozen.terminate()
    hold(await house.admin.fetchval("select position from file_mgr.cursors where name = 'late'") == 2, "the frozen leader's row stands")


async def a_leader_that_was_replaced_begins_nothing(house: House) -> None:
    """I9: effects and timers that are due are not taken by a process which thinks that it leads, but does not any more."""
    tenant = await house.tenant()
    await house.send(StartUpload(name="a file", bytes=10), tenant)
    for table in ("effects", "timers"):
        await house.admin.execute(f"update file_mgr.{table} set due_at = now() where tenant_id = $1", tenant)
    async with leads(house.dsn, "file_mgr") as woken:
        await house.admin.execute("update file_mgr.leader set lease = lease + 1")  # what another process does that leads
        store = house.stores["file_mgr"]
        async with store.transaction(None):
            effects = await store.conn.fetch(store.q.claim_effects, MOST, woken.lease)
            timers = await store.conn.fetch(store.q.due_timers, MOST, woken.lease)
            await store.conn.execute(store.q.forget_operations, woken.lease)
    hold(not effects and not timers, f"it took {len(effects)} effects and {len(timers)} timers")


async def what_was_begun_under_a_lease_that_is_over_is_not_reported(house: House) -> None:
    """I9: a process that lost its domain while an effect ran, and sees that another led since, leaves the effect to it."""
    tenant, running, go_on = await house.tenant(), asyncio.Event(), asyncio.Event()
    item = item_of(StartUpload(name="a file", bytes=10), tenant)
    batch = Batch(house.domains["file_mgr"], house.stores["file_mgr"], [item])
    await batch.commit()
    reported: list[Any] = []

    async def run(payload: Any, envelope: Any, tools: Any) -> list[Any]:
        running.set()
        await go_on.wait()
        return [AbortUpload(upload_id=tenant)]

    async def publish(command: Any, envelope: Any) -> None:
        reported.append(command)

    domain = msgspec.structs.replace(house.domains["file_mgr"], runs=dict.fromkeys(house.domains["file_mgr"].runs, run))
    leading = standing_by(house.dsn, "file_mgr")
    runner = EffectRunner(domain, pool_of(house.dsn, "file_mgr"), publish, None, leading)
    async with leading.lead():
        runner.start_new(batch.effects)
        await running.wait()
    async with leads(house.dsn, "file_mgr"):
        pass
    async with leading.lead():
        go_on.set()
        while runner._running:
            await asyncio.sleep(0.01)
    hold(reported == [], f"it reported {reported}")


async def a_lost_connection_is_noticed_while_idle(house: House) -> None:
    """I9: a domain whose database connection dies takes its lock again, even when no command comes."""
    made: list[asyncpg.Connection] = []

    async def connect() -> asyncpg.Connection:
        made.append(await connection_of(house, "identity"))
        return made[-1]

    runtime = runtime_of(house, "identity", Wire(), connect)
    running = asyncio.create_task(runtime.run())
    try:
        async with asyncio.timeout(SOON):
            await runtime.active.wait()
            await house.admin.execute("select pg_terminate_backend($1)", made[0].get_server_pid())
            while len(made) < 2 or not runtime.active.is_set():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Broken(f"the domain was not active again within {SOON:.0f} s") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def a_key_names_one_command_for_each_who_asks_and_where(house: House) -> None:
    """I1: what one API key asked for by an Idempotency-Key is neither told to another nor in the way of another route."""
    tenant, key = await house.tenant(), uuid4().hex
    start, other = StartUpload(name="a file", bytes=10), StartUpload(name="another", bytes=20)
    routes = (("POST", "/v1/uploads", "start"), ("POST", "/v1/other", "start"))
    asked = [("key:1", routes[0], start), ("key:2", routes[0], start), ("key:1", routes[1], other), ("key:1", routes[0], start)]
    items = [
        item_of(command, tenant, actor=actor, id=signing.command_id(tenant, actor, route, key), request_hash=f"1:{command.bytes}")
        for actor, route, command in asked
    ]
    outcomes = [outcome for item in items for outcome in await house.decide("file_mgr", [item])]
    states = [outcome.state if outcome else "none" for outcome in outcomes]
    hold(states == ["done"] * 4, f"the four requests became {states}")
    uploads = [msgspec.json.decode(outcome.body)["upload_id"] for outcome in outcomes if outcome]
    hold(len(set(uploads)) == 3 and uploads[0] == uploads[3], f"the uploads are {uploads}")


async def a_secret_is_shown_once(house: House) -> None:
    """I10: of all that ask to show the secret of an operation, in one batch or later, one may."""
    tenant, command = await house.tenant(), uuid4()
    items = [item_of(RevealSecret(command_id=command, what="key", thing_id=uuid4()), tenant) for _ in range(3)]
    outcomes = [*await house.decide("identity", items[:2]), *await house.decide("identity", items[2:])]
    states = [outcome.state if outcome else "none" for outcome in outcomes]
    hold(states == ["done", "refused", "refused"], f"the three that asked were told {states}")


async def a_salt_is_in_the_outcome_alone(house: House) -> None:
    """I10: what a key's secret is made of comes back to the edge, and is in no event and no row but its operation's."""
    tenant = await house.tenant()
    command: Any = drawn(SIGNER, API_KEY, CreateApiKey(name="a key", scopes=("*",)))
    body = await house.send(command, tenant)
    hold(body["salt"] == command.salt, "the outcome does not give the salt back")
    await house.sequence()
    tables = ("identity.tenant_api_keys", "identity.outbox", "identity.effects", "identity.timers", "log.events")
    for table in tables:
        found = await house.admin.fetchval(
            f"select exists (select from {table} t where t::text like '%' || $1 || '%')", command.salt.partition(":")[2]
        )
        hold(not found, f"{table} has the salt")
    stored = await house.admin.fetchval("select secret_sha256 from identity.tenant_api_keys where key_id = $1", UUID(body["key_id"]))
    hold(secret_hash(text_of(SIGNER, API_KEY, uuid4(), body).split("_")[2]) == stored, "the salt does not make the key's secret")
