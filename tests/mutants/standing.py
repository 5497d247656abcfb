"""What the standing check must find, and what it must not: promises as checks; and small wrong changes of the check itself."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from contracts.identity.api_keys import CreateApiKey
from deploy.check import commands, cursors, fast, progress, rows, window
from deploy.check.beginnings import Stretched
from deploy.check.differences import Difference
from tests.mutants.checks import hold
from tests.support.checked import Checked
from tests.support.sample_history import sha

Mutation = Callable[[], Any]


async def every_row_of_an_event_is_compared(installation: Checked) -> None:
    """An event that changes a lease and segments: a segment that is not as it says is found."""
    kind = "evt.render.part.assigned.v1"
    position = await installation.db.fetchval(
        "select max(position) from log.events where type = $1 and body::jsonb->>'kind' = 'render'", kind
    )
    key = json.loads(await installation.db.fetchval("select body from log.events where position = $1", position))["keys"][0]
    await installation.begin_at(position - 1)
    moved = "update render.segments set updated_at = updated_at + $2 * interval '1 second' where segment_key = $1"
    await installation.db.execute(moved, key, 1.0)
    try:
        found = await installation.found(tenant=0)
    finally:
        await installation.db.execute(moved, key, -1.0)
    hold(any("render.segments" in place for place in found.get("rows", [])), f"only this was found: {found}")


async def what_agrees_is_never_told(installation: Checked) -> None:
    """A stretch that begins in the middle says nothing of what it does not know."""
    last = await installation.db.fetchval("select max(position) from log.events")
    for position in range(1, last, 9):
        await installation.begin_at(position)
        report = await installation.check(events=last)
        hold(report.agrees and not report.unsure, f"behind {position}: {report.differences} {report.unsure}")


async def work_between_the_reads_is_no_difference(installation: Checked) -> None:
    """Events that are made, kept and published while a check looks are no difference."""
    await installation.anew()
    seen, begun = window.seen, fast._begun

    async def and_then_work(*given: Any) -> Any:
        found = await seen(*given)
        await installation.in_process.tenant("meanwhile")
        await installation.sequence()
        return found

    async def first_work(*given: Any) -> Any:
        found = await begun(*given)
        await installation.in_process.tenant("meanwhile")
        await installation.sequence()
        return found

    with patch.object(window, "seen", and_then_work), patch.object(fast, "_begun", first_work):
        report = await installation.check()
    hold(report.agrees, f"work was told as {report.differences}")


async def what_heals_is_no_difference(installation: Checked) -> None:
    """A cursor that is wrong at the first look and right at the second is not told."""
    await installation.anew()
    last = await installation.sequence()
    await installation.db.execute("update studio.cursors set position = $1", last + 5)

    async def heal(seconds: float) -> None:
        await installation.db.execute("update studio.cursors set position = $1", last)

    with patch.object(fast, "asyncio", SimpleNamespace(sleep=heal)):
        report = await installation.check()
    await installation.db.execute("update studio.cursors set position = $1", last)
    hold(report.agrees, f"what had healed was told: {report.differences}")


async def what_stands_is_not_forgotten(installation: Checked) -> None:
    """A row that is wrong stays told by the checks that follow."""
    await installation.anew()
    changed = "update studio.saved_projects set name = name || $1 where (tenant_id, saved_project_id) = (select tenant_id, saved_project_id"
    changed += " from studio.saved_projects order by 1, 2 limit 1)"
    before = await installation.db.fetch("select tenant_id, saved_project_id, name from studio.saved_projects")
    await installation.db.execute(changed, " other")
    try:
        told = [bool(await installation.found(tenant=0)) for _ in range(3)]
        kept = await installation.db.fetchval("select count(*) from checks.differences")
    finally:
        for row in before:
            await installation.db.execute("update studio.saved_projects set name = $3 where tenant_id = $1 and saved_project_id = $2", *row)
    hold(told == [True] * 3 and kept, f"told: {told}, kept: {kept}")


async def a_lost_event_is_found(installation: Checked) -> None:
    """A command that was done and whose event is in no outbox and not in the log."""
    await installation.anew()
    tenant = await installation.in_process.tenant("whose key is lost")
    await installation.sequence()
    await installation.check()
    await installation.in_process.send(CreateApiKey(name="k", scopes=("*",), secret_sha256=sha(tenant), hint="h"), tenant)
    row = await installation.db.fetchval("delete from identity.outbox returning to_jsonb(outbox)::text")
    try:
        found = await installation.found()
    finally:
        await installation.db.execute(
            "insert into identity.outbox overriding system value select * from jsonb_populate_record(null::identity.outbox, $1::jsonb)", row
        )
        await installation.sequence()
    hold("commands" in found, f"only this was found: {found}")


async def a_cursor_that_is_ahead_is_found(installation: Checked) -> None:
    """It stands beyond what is published."""
    await installation.anew()
    last = await installation.sequence()
    await installation.db.execute("update studio.cursors set position = $1", last + 1)
    found = await installation.found()
    await installation.db.execute("update studio.cursors set position = $1", last)
    hold("cursors" in found, f"only this was found: {found}")


def first_rows_alone() -> Any:
    """As the `aggregate` of an event names one row."""
    apply = Stretched._apply

    def first(self: Stretched, one: Any, number: int) -> None:
        before = dict(self.touched)
        apply(self, one, number)
        new = [touched for touched in self.touched if touched not in before or self.touched[touched] != before[touched]]
        for touched in new[1:]:
            del self.touched[touched]

    return patch.object(Stretched, "_apply", first)


def what_is_there_is_the_beginning() -> Any:
    """What a projection makes of the rows that are there now counts as what the log says, unproven."""

    async def at_once(look: Any, tenant: Any, rows: Any, stretched: Any) -> list[Difference]:
        return [Difference(name="rows", place=str(row), expected="", found="") for row in rows]

    class Both:
        def __enter__(self) -> None:
            self.patches = [patch("deploy.check.beginnings.other", lambda table, row: row), patch.object(rows, "_sure", at_once)]
            for one in self.patches:
                one.start()

        def __exit__(self, *_: object) -> None:
            for one in self.patches:
                one.stop()

    return Both()


def nats_is_read_last() -> Any:
    """The window after the database."""

    async def look(at: Any, before: Any, bounds: Any) -> Any:
        async with at.conn.transaction(isolation="repeatable_read", readonly=True):
            await at.conn.execute("set local app.tenants = '*'")
            begun = await fast._begun(at, before, bounds, window.Seen())
            begun.seen = await window.seen(at.nc, before.position, bounds.messages)
            found = {one.known: one for compare in fast.COMPARISONS for one in await compare(begun)}
        return begun, list(found.values())

    return patch.object(fast, "_look", look)


def one_look_is_enough() -> Any:
    """What the first look finds counts."""
    look, first = fast._look, []

    async def once(at: Any, before: Any, bounds: Any) -> Any:
        first.append(await look(at, before, bounds))
        return first[0]

    return patch.object(fast, "_look", once)


def checks_go_on_whatever_they_found() -> Any:
    """The next one begins behind what is wrong."""
    return patch.object(progress, "_holds", lambda *_: False)


def commands_are_believed() -> Any:
    """Nobody looks whether they have their events."""

    async def all_there(look: Any, ids: Any) -> Any:
        return set(ids)

    return patch.object(commands, "_there", all_there)


def cursors_are_only_behind() -> Any:
    """None can be ahead."""
    find = cursors.find

    async def behind(look: Any) -> Any:
        return [one for one in await find(look) if one.moves]

    comparisons = tuple(behind if one is find else one for one in fast.COMPARISONS)
    return patch.object(fast, "COMPARISONS", comparisons)
