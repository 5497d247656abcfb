"""What agrees is not complained of, wherever a stretch begins."""

import pytest

from contracts.effects import STEER
from contracts.file_mgr.uploads import StartUpload
from deploy.check.fast import NotLooked, place
from tests.support.checked import Checked


async def test_a_history_over_all_domains_agrees(installation: Checked) -> None:
    await installation.anew()
    report = await installation.check()
    assert not report.differences, [str(one) for one in report.differences]
    assert not report.unsure
    assert report.counts.events == report.position == report.counts.messages
    assert await installation.db.fetchval("select position from checks.state") == report.position


async def test_a_stretch_that_begins_anywhere_in_the_middle_agrees(installation: Checked) -> None:
    last = await installation.db.fetchval("select max(position) from log.events")
    seen = 0
    for position in range(1, last, 10):
        await installation.begin_at(position)
        report = await installation.check(events=last)
        assert not report.differences, [str(one) for one in report.differences]
        assert not report.unsure and report.since == position
        seen += report.counts.rows
    assert seen > last


async def test_a_check_begins_where_the_last_one_ended(installation: Checked) -> None:
    await installation.anew()
    await installation.check()
    await installation.in_process.tenant("one more")
    await installation.sequence()
    report = await installation.check()
    assert not report.differences
    assert report.counts.events == 1 and report.counts.messages == 1


async def test_what_is_not_sequenced_yet_agrees(installation: Checked) -> None:
    await installation.anew()
    await installation.in_process.tenant("in an outbox")
    report = await installation.check()
    await installation.sequence()
    assert not report.differences, [str(one) for one in report.differences]


async def test_what_a_person_did_about_an_effect_agrees_whatever_became_of_its_row(installation: Checked) -> None:
    tenant = await installation.in_process.tenant("that uploads")
    await installation.in_process.send(StartUpload(name="a file", bytes=10), tenant)
    await installation.sequence()
    await installation.anew()
    await installation.check()
    effect = await installation.db.fetchval("select id from file_mgr.effects where tenant_id = $1", tenant)
    await installation.in_process.send(STEER["file_mgr"](effect_id=effect, act="retry", reason="now"), tenant)  # type: ignore[call-arg]
    await installation.sequence()
    for statement in ("update file_mgr.effects set attempts = attempts + 1", "delete from file_mgr.effects"):
        report = await installation.check()
        assert not report.differences, [str(one) for one in report.differences]
        await installation.db.execute(f"{statement} where id = $1", effect)
    report = await installation.check()
    assert not report.differences, [str(one) for one in report.differences]


async def test_what_is_too_much_for_one_look_is_told(installation: Checked) -> None:
    await installation.anew()
    report = await installation.check(events=10)
    assert not report.differences, [str(one) for one in report.differences]
    assert report.skipped == report.position - 10


async def test_the_check_may_change_nothing_but_what_it_keeps(installation: Checked) -> None:
    for table in ("log.events", "render.render_jobs", "identity.inbox", "identity.outbox", "studio.cursors", "log.head"):
        for right in ("insert", "update", "delete", "truncate"):
            assert not await installation.db.fetchval("select has_table_privilege('check_app', $1, $2)", table, right), (table, right)
    for column in ("outcome", "body", "headers", "request_hash", "key_hash"):
        assert not await installation.db.fetchval("select has_column_privilege('check_app', 'identity.inbox', $1, 'select')", column), (
            column
        )


async def test_what_cannot_be_reached_is_no_agreement(installation: Checked) -> None:
    away = installation.settings.model_copy(update={"pg_dsn": "postgresql://127.0.0.1:1/nothing"})
    with pytest.raises(NotLooked, match="PostgreSQL"):
        async with place(away):
            pass


async def test_a_table_that_lacks_a_column_keeps_the_check_from_looking_and_no_row_is_accused(installation: Checked) -> None:
    """Each row would differ else, and the alarm would name rows that nobody touched."""
    await installation.db.execute("alter table file_mgr.upload_sessions rename column object_key to object_key_away")
    try:
        with pytest.raises(NotLooked, match=r"file_mgr\.upload_sessions lacks object_key;"):
            await installation.check()
    finally:
        await installation.db.execute("alter table file_mgr.upload_sessions rename column object_key_away to object_key")
    assert not (await installation.check()).differences
