"""The promises I1 to I5 and I8 as checks over domains on a real database; a broken promise is a Broken."""

import contextlib
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.render.leases.object_keys import segment_object_key
from consumers.runtime.decoding import read_command
from consumers.runtime.store import Store
from contracts.envelope import first
from contracts.file_mgr.uploads import AbortUpload, StartUpload
from contracts.identity.api_keys import CreateApiKey
from contracts.identity.tenants import ChangeTenantLimits
from contracts.message import PLATFORM, type_of
from contracts.node import LeaveNode, ReportSegment
from contracts.render.inspections import RequestInspection
from contracts.render.parts import ExpirePart
from contracts.render.segments import SegmentsPlanned, SegmentVerified
from deploy.replay import verify
from tests.mutants.checks import Broken, Wire, hold, runtime_of
from tests.support.in_process import InProcessDomains, item_of
from tests.support.leading import app_connection
from tests.support.sample_history import SampleHistory, sha


async def repeated_commands_are_applied_once(in_process: InProcessDomains) -> None:
    """I1: a command that is delivered again, in the same batch or later, gets its first outcome and does nothing more."""
    tenant = await in_process.tenant()
    begun = await in_process.send(StartUpload(name="a file", bytes=10), tenant)
    abort = item_of(AbortUpload(upload_id=UUID(begun["upload_id"])), tenant)
    again = [item_of(abort.command, tenant, id=abort.envelope.id) for _ in range(2)]  # type: ignore[arg-type]
    try:
        first, _ = await in_process.decide("file_mgr", [abort, again[0]])
    except asyncpg.PostgresError as error:
        raise Broken(f"the batch with the repeated command cannot be stored: {error}") from error
    await in_process.sequence()
    await in_process.admin.execute("delete from file_mgr.effects where tenant_id = $1", tenant)
    (later,) = await in_process.decide("file_mgr", [again[1]])
    assert first is not None
    hold(later is not None and later.state == first.state == "done", f"the repeated command became {later}")
    assert later is not None
    hold(msgspec.json.decode(later.body) == msgspec.json.decode(first.body), "the repeated command got another answer")
    effects = await in_process.admin.fetchval("select count(*) from file_mgr.effects where tenant_id = $1", tenant)
    hold(effects == 0, "the repeated command had its effect again")
    version = await in_process.admin.fetchval("select version from file_mgr.upload_sessions where tenant_id = $1", tenant)
    hold(version == 2, f"the row was changed {version} times, not twice")


async def what_is_not_committed_is_not_acknowledged(in_process: InProcessDomains) -> None:
    """I1: while the database is away, messages are given back."""
    wire = Wire()
    conn = await app_connection(in_process.dsn, "file_mgr")
    item = item_of(StartUpload(name="a file", bytes=10), await in_process.tenant())
    item.raw = wire.message()
    conn.terminate()
    with contextlib.suppress(asyncpg.InterfaceError, OSError):
        await runtime_of(in_process, "file_mgr", wire).settler.settle(Store(conn, "file_mgr"), [item])
    hold(wire.answers and not any(answer.startswith(b"+ACK") for answer in wire.answers), f"the broker was told {wire.answers}")


async def every_change_has_its_event(in_process: InProcessDomains) -> None:
    """I2: a changed row, and a refusal, have an event in the log that names its cause."""
    tenant = await in_process.tenant()
    done = item_of(StartUpload(name="a file", bytes=10), tenant)
    refused = item_of(AbortUpload(upload_id=uuid4()), tenant)
    await in_process.decide("file_mgr", [done, refused])
    await in_process.sequence()
    for item, kind in ((done, "evt.file_mgr.upload.started.v1"), (refused, "evt.file_mgr.command.refused.v1")):
        rows = await in_process.admin.fetch("select type, actor from log.events where causation_id = $1", item.envelope.id)
        hold([tuple(row) for row in rows] == [(kind, "key:test")], f"{item.envelope.type} caused {rows}, not {kind}")


async def late_reports_are_refused(in_process: InProcessDomains, sample: SampleHistory) -> None:
    """I3: who lost its lease, or never had it, is refused; a segment is accepted once."""
    tenant = sample.tenants[0]
    planned = await sample.all([(sample.request(tenant, uuid4().int % 10**9), tenant)])
    plan = next(event for _, event in planned if isinstance(event, SegmentsPlanned))
    ((late, _),) = await sample.assign("render", [(tenant, plan.job_id, 0, 1)])
    await sample.all([(ExpirePart(part_id=late.part_id, reason="silence"), tenant)], actor="scheduler")
    ((holder, _),) = await sample.assign("render", [(tenant, plan.job_id, 0, 1)])

    async def report(part: Any, actor: str) -> str:
        place = segment_object_key(tenant, part.keys[0], part.epoch, part.part_id)
        segment = ReportSegment(
            part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=place, sha256=sha(part.part_id),
            bytes=10, frames=plan.segments[0].count, difference=0.1, seconds=0.1,
        )  # fmt: skip
        (outcome,) = await in_process.decide("render", [item_of(segment, tenant, actor=actor)])
        return outcome.state if outcome else "none"

    hold(await report(late, f"node:{late.node_id}") == "refused", "a report under a lease that is over was accepted")
    hold(await report(holder, f"node:{uuid4()}") == "refused", "a node reported on a part that it never held")
    hold(await report(holder, f"node:{holder.node_id}") == "done", "the holder's report was refused")
    await report(holder, f"node:{holder.node_id}")
    verified = [event for _, event in in_process.events if isinstance(event, SegmentVerified) and event.key == holder.keys[0]]
    hold(
        [event.part_id for event in verified] == [holder.part_id], f"the segment was accepted from {[event.part_id for event in verified]}"
    )


async def tenants_are_apart(in_process: InProcessDomains) -> None:
    """I4: no command reaches another tenant's row, and no statement of a transaction that serves one tenant sees another's."""
    mine, other = await in_process.tenant(), await in_process.tenant()
    theirs = UUID((await in_process.send(StartUpload(name="theirs", bytes=10), other))["upload_id"])
    (outcome,) = await in_process.decide("file_mgr", [item_of(AbortUpload(upload_id=theirs), mine)])
    hold(outcome and outcome.state == "refused", "a tenant aborted another's upload")
    store = in_process.stores["file_mgr"]
    async with store.transaction({mine}):
        seen = await store.conn.fetchval("select count(*) from file_mgr.upload_sessions where upload_id = $1", theirs)
    hold(seen == 0, "a statement for one tenant saw another's row")
    state = await in_process.admin.fetchval("select state from file_mgr.upload_sessions where upload_id = $1", theirs)
    hold(state == "started", f"the other tenant's upload is {state}")


async def the_log_gives_the_same_rows(in_process: InProcessDomains) -> None:
    """I5: played into empty tables, the log makes the same content."""
    tenant = await in_process.tenant()
    begun = await in_process.send(StartUpload(name="a file", bytes=10), tenant)
    await in_process.send(AbortUpload(upload_id=UUID(begun["upload_id"])), tenant)
    await in_process.sequence()
    report = await verify(in_process.dsn, list(in_process.domains.values()))
    hold(report.equal, f"{report.problems[:3]} {[str(one) for one in report.differences[:3]]}")


async def two_facts_have_two_ids(in_process: InProcessDomains) -> None:
    """I2: one command id that comes to two domains, and again once it is forgotten, makes events of different ids."""
    tenant, id = await in_process.tenant(), uuid4()
    made = []
    for number in range(2):
        upload = item_of(StartUpload(name="a file", bytes=10), tenant, id=id)
        key = item_of(CreateApiKey(name=f"key {number}", scopes=("*",), secret_sha256=sha(tenant, number), hint="abcd"), tenant, id=id)
        for domain, item in (("file_mgr", upload), ("identity", key)):
            try:
                await in_process.decide(domain, [item])
            except asyncpg.PostgresError as error:
                raise Broken(f"the second cannot be stored: {error}") from error
            await in_process.admin.execute(f"delete from {domain}.inbox where id = $1", id)
            made += [envelope.id for envelope, _, _, _ in item.events]
    hold(len(set(made)) == len(made) == 4, f"four facts have the ids {made}")
    keys = await in_process.admin.fetchval("select count(*) from identity.tenant_api_keys where tenant_id = $1", tenant)
    hold(keys == 2, f"there are {keys} keys, two were created")


async def a_node_cannot_take_a_commands_id(in_process: InProcessDomains) -> None:
    """I4: a report is no other fact, whatever id and tenant its headers name."""
    tenant, node = await in_process.tenant(), uuid4()
    item = item_of(StartUpload(name="a file", bytes=10), tenant)
    report = msgspec.structs.replace(first(LeaveNode(), tenant=tenant), id=item.envelope.id)
    wire = SimpleNamespace(headers=report.headers(), data=b"{}", subject=type_of(LeaveNode).subject(node))
    read = read_command(in_process.domains["render"], wire)  # type: ignore[arg-type]
    await in_process.decide("render", [read])
    rows = await in_process.admin.fetch("select tenant_id from render.inbox where id = $1 or tenant_id = $2", item.envelope.id, tenant)
    hold(not rows, f"the report stands in the inbox under the id or the tenant that it chose: {rows}")


async def our_own_fault_costs_no_command(in_process: InProcessDomains) -> None:
    """I1, I8: while a column is missing, what needs it waits, and what does not goes on; nothing healthy is quarantined."""
    tenant, wire = await in_process.tenant(), Wire()
    key = item_of(CreateApiKey(name="key", scopes=("*",), secret_sha256=sha(tenant), hint="abcd"), tenant)
    other = item_of(ChangeTenantLimits(max_slots=3), tenant)
    for item in (key, other):
        item.raw = wire.message()
    await in_process.admin.execute("alter table identity.tenant_api_keys rename column hint to gone")
    await runtime_of(in_process, "identity", wire).settler.settle(in_process.stores["identity"], [key, other])
    found = {
        row["id"]: row["state"] for row in await in_process.admin.fetch("select id, state from identity.inbox where tenant_id = $1", tenant)
    }
    hold(key.envelope.id not in found, f"the command whose column is missing is {found.get(key.envelope.id)}")
    hold(found.get(other.envelope.id) == "done", "the command that needs no column of it was not carried out")


async def a_cursor_passes_nothing_over(in_process: InProcessDomains) -> None:
    """I1: a reaction that cannot be stored just now is read again by whoever leads next."""
    tenant, store = await in_process.tenant(), in_process.stores["render"]
    await in_process.admin.execute("update log.head set published = 100")
    await store.move({"reaction.inspections": 10})
    settler = runtime_of(in_process, "render", Wire()).settler
    settler.begin({"inspections": 10})
    request = item_of(RequestInspection(file_id=uuid4(), name="n", bytes=1, object_key="k"), tenant)
    request.position, request.reaction = 14, "inspections"
    await in_process.admin.execute("alter table render.inspections rename column name to gone")
    await settler.settle(store, [request, item_of(LeaveNode(), PLATFORM, actor=f"node:{uuid4()}")], {"inspections": 20})
    cursor = await store.conn.fetchval("select position from render.cursors where name = 'reaction.inspections'")
    hold(cursor < 14, f"the cursor is at {cursor}, the reaction to 14 is nowhere")


async def a_poisoned_command_costs_only_itself(in_process: InProcessDomains) -> None:
    """I8: what the database refuses ends in quarantine with its reason; its neighbours of the batch are done."""
    tenant, wire = await in_process.tenant(), Wire()
    keys = [CreateApiKey(name=name, scopes=("*",), secret_sha256=sha(name), hint="abcd") for name in ("good", "po\x00ison", "better")]
    items = [item_of(key, tenant) for key in keys]
    for item in items:
        item.raw = wire.message()
    try:
        await runtime_of(in_process, "identity", wire).settler.settle(in_process.stores["identity"], items)
    except Exception as error:
        raise Broken(f"one command ended its domain: {error!r}") from error
    rows = await in_process.admin.fetch("select id, state, reason as why from identity.inbox where tenant_id = $1", tenant)
    states = {row["id"]: (row["state"], bool(row["why"])) for row in rows}
    found = [states.get(item.envelope.id) for item in items]
    hold(found == [("done", False), ("quarantined", True), ("done", False)], f"the three commands became {found}")
    hold(wire.answers == [b"+ACK"] * 3, f"the broker was told {wire.answers}")
