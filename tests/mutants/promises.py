"""The promises I1 to I5, I8 and I9 as checks over domains on a real database; a broken promise is a Broken."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.render.places import segment_place
from consumers.runtime.batch import Batch
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.effects import EffectRunner
from consumers.runtime.runtime import Runtime
from consumers.runtime.store import Store
from contracts.file_mgr import AbortUpload, StartUpload
from contracts.identity import CreateApiKey
from contracts.node import ReportSegment
from contracts.render import ExpirePart, SegmentsPlanned, SegmentVerified
from deploy.replay import verify
from tests.support.house import MOST, PASSWORD, House, item_of
from tests.support.leading import leads, pool_of, standing_by
from tests.support.story import Story, sha

SOON = 25.0  # seconds: longer than any recovery takes on a slow machine, and shorter than a dead process's claim lasts


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
        await runtime_of(house, "file_mgr", wire)._settle(Store(conn, "file_mgr"), [item], 0)
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


async def the_log_gives_the_same_rows(house: House) -> None:
    """I5: played into empty tables, the log makes the same content."""
    tenant = await house.tenant()
    begun = await house.send(StartUpload(name="a file", bytes=10), tenant)
    await house.send(AbortUpload(upload_id=UUID(begun["upload_id"])), tenant)
    await house.sequence()
    report = await verify(house.dsn, list(house.domains.values()))
    hold(report.equal, f"{report.problems[:3]} {[str(one) for one in report.differences[:3]]}")


async def a_poisoned_command_costs_only_itself(house: House) -> None:
    """I8: what the database refuses ends in quarantine with its reason; its neighbours of the batch are done."""
    tenant, wire = await house.tenant(), Wire()
    keys = [CreateApiKey(name=name, scopes=("*",), secret_sha256=sha(name), hint="abcd") for name in ("good", "po\x00ison", "better")]
    items = [item_of(key, tenant) for key in keys]
    for item in items:
        item.raw = wire.message()
    try:
        await runtime_of(house, "identity", wire)._settle(house.stores["identity"], items, 0)
    except Exception as error:
        raise Broken(f"one command ended its domain: {error!r}") from error
    rows = await house.admin.fetch(
        "select id, state, outcome->'problem'->>'detail' as why from identity.inbox where tenant_id = $1", tenant
    )
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
