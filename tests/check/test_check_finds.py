"""Every fault that is put into what agrees is found, in its place, and is over when it was put right."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import pytest

from adapters.nats import Frame, api, create_stream
from consumers.log.event import frame_of
from consumers.runtime.effects.row import report_id
from contracts.catalogue import EVENTS, events_stream
from contracts.chain import Marks
from contracts.effects import ENDS
from contracts.file_mgr.uploads import StartUpload
from contracts.identity.api_keys import CreateApiKey
from deploy.domains import all_domains
from tests.support.checked import Checked
from tests.support.password import PASSWORD
from tests.support.sample_history import sha

TABLES = {table.name: table for domain in all_domains() for table in domain.tables}
OTHER = {
    "text": "{0} || 'x'",
    "integer": "{0} + 7",
    "bigint": "{0} + 7",
    "double precision": "{0} + 0.5",
    "boolean": "not {0}",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 day'",
    "jsonb": "case jsonb_typeof({0}) when 'array' then {0} || '[\"another\"]' else {0} || '{{\"another\": 1}}' end",
}


OPERATION = """insert into file_mgr.inbox (tenant_id, id, type, request_hash, key_hash, state, outcome, headers, body, reason, decided_at)
values ($1, $2, 'cmd.file_mgr.upload.fail.v1', '', '', 'done', '{}', null, null, '', now())"""


@asynccontextmanager
async def damaged(installation: Checked, table: str, where: str = "true", key: Sequence[str] = ()) -> AsyncIterator[asyncpg.Record]:
    """A row that may be damaged within the block; afterwards it is as it was."""
    await installation.db.execute("set session_replication_role = replica")
    row = await installation.db.fetchrow(f"select t.*, to_jsonb(t)::text as whole from {table} t where {where} limit 1")
    key = key or (["tenant_id", *TABLES[table].key] if table in TABLES else ["tenant_id", "id"])
    same = " and ".join(f"{name} = ${number}" for number, name in enumerate(key, 1))
    values = [row[name] for name in key]
    try:
        yield row
    finally:
        await installation.db.execute("set session_replication_role = replica")  # of several that are damaged the first is still
        await installation.db.execute(f"delete from {table} where {same}", *values)
        await installation.db.execute(f"insert into {table} select * from jsonb_populate_record(null::{table}, $1::jsonb)", row["whole"])
        await installation.db.execute("set session_replication_role = origin")


async def clean(installation: Checked) -> None:
    """All that was found is over, by itself."""
    assert not (await installation.check()).differences
    assert await installation.db.fetchval("select count(*) from checks.differences") == 0


async def test_a_change_of_any_column_without_an_event_is_found(installation: Checked) -> None:
    """A row of every table at once."""
    await installation.anew()
    async with AsyncExitStack() as damages:
        changed = {
            name: await _change_all(installation, name, await damages.enter_async_context(damaged(installation, name))) for name in TABLES
        }
        report = await installation.check()
    for name, columns in changed.items():
        found = [one for one in report.differences if one.name == "rows" and one.place.startswith(f"{name}:")]
        assert len(found) == 1, (name, [str(one) for one in report.differences])
        unread = "a row that this release can read" in found[0].expected
        assert unread or all(f"{column} " in found[0].expected for column in columns), (columns, found[0])
        assert {"version", "updated_at", "created_at"} <= set(columns)
    assert len(report.differences) == len(TABLES), [str(one) for one in report.differences]
    await clean(installation)


async def _change_all(installation: Checked, name: str, row: asyncpg.Record) -> list[str]:
    """Change each column of a row but its key; the names of those that the table lets be changed."""
    key = sorted({"tenant_id", *TABLES[name].key})
    same = " and ".join(f"{column} = ${number}" for number, column in enumerate(key, 1))
    changed = []
    for column in await installation.db.fetch(
        "select attname as name, format_type(atttypid, null) as type from pg_attribute where attrelid = $1::text::regclass"
        " and attnum > 0 and not attisdropped", name,
    ):  # fmt: skip
        if column["name"] not in key:
            value = OTHER[column["type"]].format(column["name"])
            with suppress(asyncpg.IntegrityConstraintViolationError):  # the table itself refuses it
                await installation.db.execute(f"update {name} set {column['name']} = {value} where {same}", *(row[part] for part in key))
                changed.append(column["name"])
    return changed


async def test_a_row_that_is_gone_and_one_that_no_event_made_are_found(installation: Checked) -> None:
    """A row of every table at once."""
    await installation.anew()
    async with AsyncExitStack() as damages:
        for name in TABLES:
            row = await damages.enter_async_context(damaged(installation, name))
            key = ["tenant_id", *TABLES[name].key]
            same = " and ".join(f"{column} = ${number}" for number, column in enumerate(key, 1))
            await installation.db.execute(f"delete from {name} where {same}", *(row[column] for column in key))
        found = await installation.found()
    for name in TABLES:
        assert [place for place in found["rows"] if place.startswith(f"{name}:") and place.endswith(": none")], (name, found)
    await clean(installation)


async def test_the_second_row_of_an_event_that_writes_several_is_found_in_a_stretch_that_knows_its_last_event_alone(
    installation: Checked,
) -> None:
    """A segment's row is changed by an event whose first row is a lease."""
    position = await installation.db.fetchval(
        "select max(position) from log.events where type = 'evt.render.part.assigned.v1' and body::jsonb->>'kind' = 'render'"
    )
    body = json.loads(await installation.db.fetchval("select body from log.events where position = $1", position))
    await installation.begin_at(position - 1)
    last = await installation.db.fetchval("select max(position) from log.events")
    async with damaged(installation, "render.segments", f"segment_key = '{body['keys'][0]}'"):
        await installation.db.execute(
            "update render.segments set updated_at = updated_at + interval '1 second' where segment_key = $1", body["keys"][0]
        )
        found = await installation.found(events=last, tenant=0)
    assert any("render.segments" in place and "updated_at" in place for place in found["rows"]), found
    await clean(installation)


async def test_a_row_that_no_event_of_the_stretch_touched_is_found_by_the_walk_over_tenants(installation: Checked) -> None:
    await installation.anew()
    await installation.check()
    assert not (await installation.check()).differences
    async with damaged(installation, "render.exports"):
        await installation.db.execute(
            "update render.exports set bytes = bytes + 1 where job_id = (select job_id from render.exports limit 1)"
        )
        tenants = await installation.db.fetchval("select count(*) from identity.tenants") + 1
        rounds = [await installation.found() for _ in range(tenants)]
        # Once found it stays told, although the walk goes on.
        assert sum(bool(found) for found in rounds) >= 1 and rounds[-1]
    await clean(installation)


async def test_an_event_that_is_in_no_outbox_and_not_in_the_log_is_found(installation: Checked) -> None:
    await installation.anew()
    await installation.check()
    tenant = await installation.in_process.tenant("whose key is lost")
    await installation.sequence()
    await installation.check()
    await installation.in_process.send(CreateApiKey(name="k", scopes=("*",), secret_sha256=sha(tenant), hint="h"), tenant)
    kept = await installation.db.fetchrow("delete from identity.outbox returning to_jsonb(outbox)::text as whole")
    found = await installation.found()
    assert any("identity.api_key.create" in place for place in found["commands"]), found
    await installation.db.execute(
        "insert into identity.outbox overriding system value select * from jsonb_populate_record(null::identity.outbox, $1::jsonb)",
        kept["whole"],
    )
    await clean(installation)
    await installation.sequence()
    await clean(installation)


async def test_an_event_without_a_cause_is_found(installation: Checked) -> None:
    await installation.anew()
    async with damaged(installation, "identity.inbox", "type = 'cmd.identity.tenant.create.v1'") as row:
        await installation.db.execute("delete from identity.inbox where id = $1", row["id"])
        found = await installation.found()
    assert any("identity.tenant.created" in place for place in found["causes"]), found
    await clean(installation)


async def test_an_event_that_is_gone_from_the_log_and_a_changed_one_are_found(installation: Checked) -> None:
    await installation.begin_at(5)
    for statement in ("delete from log.events where position = 9", "update log.events set body = body || ' ' where position = 9"):
        row = await installation.db.fetchval("select to_jsonb(e)::text from log.events e where position = 9")
        await installation.db.execute(statement)
        found = await installation.found()
        assert any("position 9 of the log" in place for place in found["chain"]), found
        await installation.db.execute("delete from log.events where position = 9")
        await installation.db.execute("insert into log.events select * from jsonb_populate_record(null::log.events, $1::jsonb)", row)
        await clean(installation)
        await installation.begin_at(5)


async def test_a_chain_that_was_written_anew_from_before_the_last_check_is_found(installation: Checked) -> None:
    await installation.begin_at(9)
    await installation.db.execute("update checks.state set hash = $1", "a" * 64)
    found = await installation.found()
    assert any("position 9" in place for place in found["chain"]), found
    await installation.anew()


async def test_a_foreign_event_and_a_missing_one_in_the_window_are_found(installation: Checked) -> None:
    rows = [tuple(row) for row in await installation.db.fetch("select * from log.events order by position limit 40")]
    head = await installation.db.fetchrow("select epoch, seal from log.head")
    marks = Marks(head["epoch"], head["seal"])

    async def filled(frames: list[Frame]) -> dict[str, list[str]]:
        await installation.anew()
        await api(installation.admin, f"STREAM.DELETE.{EVENTS}")
        await create_stream(installation.admin, events_stream())
        for frame in frames:
            await installation.log.request(frame.subject, frame.body, headers=_headers(frame))
        return await installation.found()

    def of(count: int) -> list[Frame]:
        return [frame_of(row, marks) for row in rows[:count]]

    found = await filled(of(20))
    assert any("end of the stream" in place for place in found["window"]), found
    changed = frame_of((*rows[7][:11], '{"name":"forged"}', *rows[7][12:]), marks)
    found = await filled([*of(7), changed, *of(20)[8:]])
    assert any("position 8 of EVENTS" in place and "does not fit its hash" in place for place in found["window"]), found
    found = await filled([*of(7), frame_of(rows[9], marks), *of(20)[8:]])
    assert any("position 8 of EVENTS" in place for place in found["window"]), found
    guessed = frame_of(rows[7], Marks(0, "a guess"))
    found = await filled([*of(7), guessed, *of(20)[8:]])
    assert any("position 8 of EVENTS" in place and "without the seal" in place for place in found["window"]), found
    last = await installation.db.fetchval("select max(position) from log.events")
    everything = [frame_of(tuple(row), marks) for row in await installation.db.fetch("select * from log.events order by position")]
    found = await filled([*everything, Frame("evt.x.a.b.c.v1", b"", b"foreign")])
    assert any(f"at most {last}" in place for place in found["window"]), found
    await installation.remake()
    await clean(installation)


def _headers(frame: Frame) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in frame.lines.decode().split("\r\n") if line)


async def test_a_cursor_beyond_what_is_published_and_one_far_behind_are_found(installation: Checked) -> None:
    await installation.anew()
    last = await installation.sequence()
    for position in (last + 5, 0):
        await installation.db.execute("update studio.cursors set position = $1", position)
        found = await installation.found(unheard=-60.0)
        assert any("of studio" in place and place.endswith(f": {position}") for place in found["cursors"]), found
        await installation.db.execute("update studio.cursors set position = $1", last)
    await clean(installation)


async def test_a_head_that_says_more_than_the_log_has_is_found(installation: Checked) -> None:
    await installation.anew()
    last = await installation.sequence()
    await installation.db.execute("update log.head set published = $1", last + 3)
    found = await installation.found()
    assert found["head"] and found["window"], found
    await installation.db.execute("update log.head set published = $1", last)
    await clean(installation)


async def test_an_outbox_that_waits_and_an_alarm_of_the_log_are_found(installation: Checked) -> None:
    await installation.anew()
    await installation.in_process.tenant("that waits")
    found = await installation.found(waiting=-60.0)
    assert any("identity.outbox" in place for place in found["outboxes"]), found
    await installation.sequence()
    await installation.db.execute("insert into log.alarms values ('outbox.studio', 'it waits', 'do this', now())")
    assert (await installation.found())["alarms"]
    await installation.db.execute("delete from log.alarms")
    await clean(installation)


async def uploads(installation: Checked) -> tuple[UUID, UUID]:
    """An upload that was just begun, sequenced: it has a timer and an effect."""
    tenant = await installation.in_process.tenant("that uploads")
    body = await installation.in_process.send(StartUpload(name="a file", bytes=10), tenant)
    await installation.sequence()
    return tenant, UUID(body["upload_id"])


async def test_a_timer_that_is_lost_moved_or_long_overdue_is_found(installation: Checked) -> None:
    await installation.anew()
    await installation.check()
    tenant, _ = await uploads(installation)
    async with damaged(installation, "file_mgr.timers", f"tenant_id = '{tenant}'", ["tenant_id", "name"]):
        for statement, expected in (
            ("update file_mgr.timers set due_at = due_at + interval '1 hour' where tenant_id = $1", "one due at"),
            ("update file_mgr.timers set due_at = now() - interval '1 hour', again_at = null where tenant_id = $1", "the timer still"),
            ("delete from file_mgr.timers where tenant_id = $1", "none"),
        ):
            await installation.db.execute(statement, tenant)
            found = await installation.found()
            assert any(expected in place for place in found["timers"]), found
    await clean(installation)


async def test_an_effect_that_is_lost_or_long_due_is_found(installation: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.check import effects

    await installation.anew()
    await installation.check()
    tenant, _ = await uploads(installation)
    async with damaged(installation, "file_mgr.effects", f"tenant_id = '{tenant}'") as row:
        await installation.db.execute("update file_mgr.effects set due_at = now() - interval '1 hour' where tenant_id = $1", tenant)
        found = await installation.found()
        assert any("effects open of file_mgr" in place for place in found["effects"]), found
        monkeypatch.setattr(effects, "SETTLED", -60.0)
        await installation.db.execute("delete from file_mgr.effects where tenant_id = $1", tenant)
        found = await installation.found()
        assert any("effect open of file_mgr" in place and "neither" in place for place in found["effects"]), found
        for end in ENDS:  # whichever its end was, its report is one
            await installation.db.execute(OPERATION, tenant, report_id(row["id"], end))
            assert "effects" not in await installation.found(), end
            await installation.db.execute("delete from file_mgr.inbox where id = $1", report_id(row["id"], end))
    await clean(installation)


async def test_what_stands_is_an_alarm_that_is_kept(installation: Checked, caplog: pytest.LogCaptureFixture) -> None:
    await installation.anew()
    last = await installation.sequence()
    await installation.db.execute("update studio.cursors set position = $1 where name = 'reaction.files'", last + 5)
    await installation.check()
    await installation.check()
    told = [record.message for record in caplog.records if record.message.startswith("ALARM: cursors")]
    assert len(told) == 1, "it is said once"
    rows = await installation.db.fetch("select name, place, since < seen_at as again from checks.differences")
    assert [(row["name"], row["again"]) for row in rows] == [("cursors", True)]
    edge = await asyncpg.connect(installation.in_process.dsn, user="edge_ro", password=PASSWORD)
    assert await edge.fetchval("select differences from read.checked") == 1
    await edge.close()
    await installation.db.execute("update studio.cursors set position = $1", last)
    await clean(installation)
