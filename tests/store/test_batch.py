"""Batches of commands against a real database: once each, all or nothing, one culprit at most, no tenant near another's rows."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from consumers.identity.api_keys import API_KEYS
from consumers.identity.tenants import TENANTS
from consumers.runtime.batch import Batch
from consumers.runtime.item import Item, scout
from consumers.runtime.runtime import Runtime
from consumers.runtime.store import Store
from contracts.content.categories import CreateCategory, RenameCategory
from contracts.envelope import first
from contracts.identity.api_keys import CreateApiKey, RevokeApiKey
from contracts.identity.tenants import CreateTenant, Tenant
from contracts.message import PLATFORM
from contracts.outcome import NOT_HANDLED, Problem
from contracts.render.jobs import JobFailed
from contracts.studio.renders import RequestRender
from tests.support.in_process import InProcessDomains, body_of, item_of, reacted
from tests.support.sample_history import sha

NewTenant = Callable[[], Awaitable[UUID]]


def a_key(tenant: UUID, name: str = "key", sha256: str = "", **changes: Any) -> Item:
    return item_of(CreateApiKey(name=name, scopes=("*",), secret_sha256=sha256 or sha(tenant, name), hint="h"), tenant, **changes)


async def keys_of(in_process: InProcessDomains, tenant: UUID) -> list[str]:
    rows = await in_process.admin.fetch("select name from identity.tenant_api_keys where tenant_id = $1 order by name", tenant)
    return [row["name"] for row in rows]


async def events_of(in_process: InProcessDomains, command: UUID, domain: str = "identity") -> list[asyncpg.Record]:
    return await in_process.admin.fetch(f"select * from {domain}.outbox where causation_id = $1 order by id", command)


async def settle(in_process: InProcessDomains, domain: str, items: list[Item]) -> list[Item]:
    """A batch as the runtime settles it, halving down to a culprit; what it would tell goes nowhere."""
    runtime = Runtime(in_process.domains[domain], Nobody(), None, (), None)  # type: ignore[arg-type]
    await runtime.settler.settle(in_process.stores[domain], items)
    return items


async def rows_of(store: Store, tenant: UUID) -> list[Any]:
    """A tenant's own row, as a batch loads it."""
    [rows] = await store.fetch_rows([(TENANTS, (), [(tenant,)])])
    return rows


class Nobody:
    """Takes what the runtime tells."""

    async def publish(self, *_: Any) -> None:
        return None


async def test_the_same_command_twice_in_a_batch_is_carried_out_once(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    item = a_key(one)
    first, again = await in_process.decide("identity", [item, Item(envelope=item.envelope, command=item.command, body=item.body)])
    assert await keys_of(in_process, one) == ["key"]
    assert body_of(again) == body_of(first)
    assert len(await events_of(in_process, item.envelope.id)) == 1


async def test_a_repeat_in_the_batch_with_another_body_is_refused(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    item = a_key(one, request_hash="h1")
    other = Item(envelope=msgspec.structs.replace(item.envelope, request_hash="h2"), command=item.command, body=item.body)
    first, again = await in_process.decide("identity", [item, other])
    assert first is not None and first.state == "done"
    assert again is not None and again.problem is not None and again.problem.code == "idempotency.other_body"


async def test_the_same_command_in_a_later_batch_gets_its_first_outcome(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    item = a_key(one, request_hash="h1")
    first = body_of((await in_process.decide("identity", [item]))[0])
    again = Item(envelope=item.envelope, command=item.command, body=item.body)
    assert body_of((await in_process.decide("identity", [again]))[0]) == first
    assert not again.events and len(await events_of(in_process, item.envelope.id)) == 1


async def test_the_same_id_with_another_body_is_refused(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    item = a_key(one, request_hash="h1")
    await in_process.decide("identity", [item])
    other = Item(envelope=msgspec.structs.replace(item.envelope, request_hash="h2"), command=item.command)
    outcome = (await in_process.decide("identity", [other]))[0]
    assert outcome and outcome.state == "refused" and outcome.problem and outcome.problem.code == "idempotency.other_body"
    assert await keys_of(in_process, one) == ["key"]


async def test_a_command_sees_what_earlier_ones_of_its_batch_changed(in_process: InProcessDomains) -> None:
    one = uuid4()
    create, key = item_of(CreateTenant(name="new"), one), a_key(one)
    again = item_of(CreateTenant(name="again"), one)
    outcomes = await in_process.decide("identity", [create, key, again])
    assert [outcome and outcome.state for outcome in outcomes] == ["done", "done", "refused"]
    versions = [(row["aggregate"].split(":")[0], row["version"]) for row in await events_of(in_process, key.envelope.id)]
    assert versions == [("identity.tenant_api_keys", 1)]


async def test_a_row_that_is_there_by_another_name_refuses_only_its_command(dsn: str) -> None:
    async with InProcessDomains(dsn) as in_process:
        await in_process.admin.execute("alter table identity.tenant_api_keys add constraint one_secret unique (tenant_id, secret_sha256)")
        problem = Problem(code="identity.exists", detail="there is such a key already")
        in_process.domains["identity"] = msgspec.structs.replace(in_process.domains["identity"], constraints={"one_secret": problem})
        await _refused_for_its_secret(in_process)


async def _refused_for_its_secret(in_process: InProcessDomains) -> None:
    one = await in_process.tenant()
    items = [a_key(one, f"key {number}") for number in range(5)]
    assert items[3].command
    items[3].command = msgspec.structs.replace(items[3].command, secret_sha256=sha(one, "key 0"))  # unique within the tenant
    await settle(in_process, "identity", items)
    assert [item.outcome and item.outcome.state for item in items] == ["done", "done", "done", "refused", "done"]
    assert await keys_of(in_process, one) == ["key 0", "key 1", "key 2", "key 4"]
    told = await events_of(in_process, items[3].envelope.id)
    assert [(row["type"], row["tenant_id"]) for row in told] == [("evt.identity.command.refused.v1", PLATFORM)]
    assert items[3].outcome and items[3].outcome.problem and items[3].outcome.problem.code == "identity.exists"


async def test_a_text_that_postgres_cannot_hold_quarantines_only_its_command(in_process: InProcessDomains) -> None:
    good, bad = item_of(CreateTenant(name="good"), uuid4()), item_of(CreateTenant(name="with\0zero"), uuid4())
    await settle(in_process, "identity", [bad, good])
    assert [item.outcome and item.outcome.state for item in (bad, good)] == ["quarantined", "done"]


async def test_a_decider_that_raises_quarantines_only_its_command(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    broken = item_of(CreateApiKey(name="key", scopes=("*",), secret_sha256=5, hint="h"), one)  # type: ignore[arg-type]
    items = await settle(in_process, "identity", [a_key(one), broken, a_key(one, "other")])
    assert [item.outcome and item.outcome.state for item in items] == ["done", "quarantined", "done"]
    assert items[1].outcome and items[1].outcome.problem == NOT_HANDLED  # why is not for whoever asked
    why = await in_process.admin.fetchval("select reason from identity.inbox where id = $1", broken.envelope.id)
    assert why.startswith("TypeError")


async def test_a_batch_that_fails_leaves_nothing_behind(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    items = [a_key(one, "first"), a_key(one, "second")]
    assert items[1].command
    items[1].command = msgspec.structs.replace(items[1].command, name="with\0zero")
    with pytest.raises(asyncpg.DataError):
        await Batch(in_process.domains["identity"], in_process.stores["identity"], items).commit()
    assert await keys_of(in_process, one) == []
    assert await events_of(in_process, items[0].envelope.id) == []
    assert await in_process.admin.fetchval("select count(*) from identity.inbox where id = $1", items[0].envelope.id) == 0


async def test_a_dry_run_answers_and_keeps_nothing(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    dry = a_key(one, "dry", dry_run=True)
    wet = a_key(one, "wet")
    outcomes = await in_process.decide("identity", [dry, wet])
    assert body_of(outcomes[0])["name"] == "dry" and not dry.events
    assert await keys_of(in_process, one) == ["wet"]
    assert await in_process.admin.fetchval("select count(*) from identity.inbox where id = $1", dry.envelope.id) == 0


async def test_a_refusal_changes_nothing_and_is_logged_under_the_platform(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    item = item_of(RevokeApiKey(key_id=uuid4()), one)
    outcome = (await in_process.decide("identity", [item]))[0]
    assert outcome and outcome.state == "refused" and outcome.problem and outcome.problem.field == "key_id"
    told = await events_of(in_process, item.envelope.id)
    assert [(row["type"], row["tenant_id"]) for row in told] == [("evt.identity.command.refused.v1", PLATFORM)]
    assert msgspec.json.decode(told[0]["body"])["tenant_id"] == str(one)
    stored = await in_process.admin.fetchval("select state from identity.inbox where tenant_id = $1 and id = $2", one, item.envelope.id)
    assert stored == "refused"


async def test_a_command_of_this_process_that_stands_for_its_cause_leaves_an_operation_only_when_it_was_not_carried_out(
    in_process: InProcessDomains, tenant: NewTenant
) -> None:
    one, cause = await tenant(), uuid4()
    items = done, refused, uncaused, _ = [a_key(one), a_key(one, sha256="none"), a_key(one, "uncaused"), a_key(one, "sent")]
    for own in (done, refused, uncaused):
        own.own = True
    for caused in (done, refused):
        caused.envelope = msgspec.structs.replace(caused.envelope, causation=cause)
    await in_process.decide("identity", items)
    assert [item.outcome.state for item in items if item.outcome] == ["done", "refused", "done", "done"]
    rows = {row["id"] for row in await in_process.admin.fetch("select id from identity.inbox where tenant_id = $1", one)}
    assert [item.envelope.id in rows for item in items] == [False, True, True, True]
    told = await in_process.admin.fetch("select event_id from identity.outbox where causation_id = $1", cause)
    assert len(told) == 1
    assert [len(await events_of(in_process, item.envelope.id)) for item in items] == [0, 1, 1, 1]


@pytest.mark.parametrize("ahead", [-3600, 0, 3600])
async def test_a_patient_refusal_waits_for_a_number_of_tries_whatever_the_clocks_say(
    in_process: InProcessDomains, tenant: NewTenant, ahead: int
) -> None:
    one = await tenant()
    when = datetime.now(UTC) + timedelta(seconds=ahead)
    young, old = (item_of(RequestRender(project_id=uuid4()), one, time=when) for _ in range(2))
    young.raw, old.raw = (SimpleNamespace(reply=f"$JS.ACK.CMD_STUDIO.studio.{tries}.7.7.1700000000000000000.0") for tries in (1, 500))
    await in_process.decide("studio", [young, old])
    assert young.again > 0 and young.outcome is None and not young.events
    assert not old.again and old.outcome and old.outcome.state == "refused"
    assert await in_process.admin.fetchval("select count(*) from studio.inbox where id = $1", young.envelope.id) == 0


async def test_a_reaction_to_the_same_event_has_the_same_id_and_is_decided_once(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    done = JobFailed(job_id=uuid4(), code="c", detail="d", field="", metadata={})
    envelope = first(done, tenant=one)
    twice = [reacted(in_process.domains["notification"], envelope, done) for _ in range(2)]
    assert [item.envelope.id for item in twice[0]] == [item.envelope.id for item in twice[1]]
    for items in twice:
        await in_process.decide("notification", items)
    assert [[len(item.events) for item in items] for items in twice] == [[1], [0]]
    assert await in_process.admin.fetchval("select count(*) from notification.notifications where tenant_id = $1", one) == 1


async def test_the_database_shows_a_batch_no_row_of_another_tenant(in_process: InProcessDomains, tenant: NewTenant) -> None:
    mine, theirs = await tenant(), await tenant()
    store = in_process.stores["identity"]
    async with store.transaction({mine}):
        assert [row.tenant_id for row in await rows_of(store, mine)] == [mine]
        assert await rows_of(store, theirs) == []
        assert await store.conn.fetchval("select count(*) from identity.tenants") == 1
        assert await store.conn.execute("update identity.tenants set name = 'mine now' where tenant_id = $1", theirs) == "UPDATE 0"


async def test_the_database_takes_no_row_of_another_tenant(in_process: InProcessDomains, tenant: NewTenant) -> None:
    mine, theirs = await tenant(), uuid4()
    store, now = in_process.stores["identity"], datetime.now(UTC)
    row = Tenant(tenant_id=theirs, created_at=now, updated_at=now, name="n", render_weight=1, max_slots=1, requests_per_second=1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with store.transaction({mine}):
            await store.write_rows({TENANTS: [(None, row)]})


async def test_without_a_tenant_a_role_sees_nothing(in_process: InProcessDomains, tenant: NewTenant) -> None:
    await tenant()
    assert await in_process.stores["identity"].conn.fetchval("select count(*) from identity.tenants") == 0


async def test_a_command_cannot_reach_another_tenants_row_by_its_id(in_process: InProcessDomains, tenant: NewTenant) -> None:
    mine, theirs = await tenant(), await tenant()
    key = UUID(body_of((await in_process.decide("identity", [a_key(theirs)]))[0])["key_id"])
    outcome = (await in_process.decide("identity", [item_of(RevokeApiKey(key_id=key), mine)]))[0]
    assert outcome and outcome.state == "refused" and outcome.problem and outcome.problem.code == "key.not_found"
    state = await in_process.admin.fetchval(f"select state from {API_KEYS.name} where key_id = $1", key)
    assert state == "active"


async def test_a_repeat_with_other_words_is_told_to_nobody_as_having_happened(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    (refused,) = await settle(in_process, "identity", [item_of(RevokeApiKey(key_id=uuid4()), one)])
    assert refused.outcome is not None and refused.outcome.state == "refused"
    (again,) = await settle(in_process, "identity", [a_key(one, id=refused.envelope.id)])
    assert again.outcome is not None and again.outcome.state == "refused"
    assert again.events == [], "observers follow what was committed, and nothing was"


async def test_only_what_comes_after_a_missing_row_is_decided_again(
    in_process: InProcessDomains, tenant: NewTenant, monkeypatch: Any
) -> None:
    one = await tenant()
    first = UUID(body_of((await in_process.decide("identity", [a_key(one, "first")]))[0])["key_id"])
    items = [a_key(one, "second"), item_of(RevokeApiKey(key_id=first), one), a_key(one, "third")]
    decided: list[str] = []
    decide = Batch._decide

    def counted(batch: Batch, item: Item) -> None:
        decided.append(getattr(item.command, "name", "revoke"))
        decide(batch, item)

    monkeypatch.setattr(Batch, "_decide", counted)
    for item in items[:1]:
        item.wants = scout(in_process.domains["identity"], item).wants  # known in the first round; the key to be revoked is not
    outcomes = await in_process.decide("identity", items)
    assert [outcome and outcome.state for outcome in outcomes] == ["done"] * 3
    assert decided.count("second") == 1 and decided.count("third") > 1
    assert await keys_of(in_process, one) == ["first", "second", "third"]


async def test_a_changed_row_keeps_the_columns_that_did_not_change(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    store = in_process.stores["identity"]
    async with store.transaction({one}):
        [before] = await rows_of(store, one)
        await in_process.admin.execute("update identity.tenants set max_slots = 77 where tenant_id = $1", one)  # behind the batch's back
        await store.write_rows({TENANTS: [(before, msgspec.structs.replace(before, name="another", version=2))]})
    row = await in_process.admin.fetchrow("select name, version, max_slots from identity.tenants where tenant_id = $1", one)
    assert row is not None and tuple(row) == ("another", 2, 77)


async def test_a_row_that_is_gone_is_not_changed_in_silence(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one, gone = await tenant(), uuid4()
    store = in_process.stores["identity"]
    async with store.transaction({one, gone}):
        [before] = await rows_of(store, one)
        never = msgspec.structs.replace(before, tenant_id=gone)
        with pytest.raises(RuntimeError, match="1 rows were to be changed"):
            await store.write_rows({TENANTS: [(never, msgspec.structs.replace(never, name="x"))]})


async def test_a_row_that_was_put_as_it_was_is_not_written(in_process: InProcessDomains, tenant: NewTenant) -> None:
    one = await tenant()
    store = in_process.stores["identity"]
    written_by = "select xmin::text from identity.tenants where tenant_id = $1"
    before = await in_process.admin.fetchval(written_by, one)
    async with store.transaction({one}):
        [row] = await rows_of(store, one)
        await store.write_rows({TENANTS: [(row, msgspec.structs.replace(row))]})
    assert await in_process.admin.fetchval(written_by, one) == before


async def test_of_two_changes_of_one_version_in_a_batch_the_first_counts_and_the_other_is_refused(in_process: InProcessDomains) -> None:
    one = uuid4()
    [made] = await in_process.decide("content", [item_of(CreateCategory(name="a"), one)])
    category = UUID(body_of(made)["category_id"])
    renames = [item_of(RenameCategory(category_id=category, name=name), one, if_match="category_id=1") for name in ("b", "c")]
    first, second = await in_process.decide("content", renames)
    assert first and first.state == "done"
    assert second and second.problem and (second.problem.code, second.problem.field) == ("request.precondition", "If-Match")
    assert "at version 2" in second.problem.detail
    any_of_them, none = [
        item_of(RenameCategory(category_id=category, name=name), one, if_match=f"category_id={versions}")
        for name, versions in (("d", "1,2"), ("e", ""))
    ]
    outcomes = await in_process.decide("content", [any_of_them, none])
    assert [outcome and outcome.state for outcome in outcomes] == ["done", "refused"]
    gone = item_of(RenameCategory(category_id=uuid4(), name="f"), one, if_match="category_id=1")
    [outcome] = await in_process.decide("content", [gone])
    assert outcome and outcome.problem and outcome.problem.code == "category.not_found", "what is not there is told by its decider"
