"""The promises that nothing ages and that an update changes no fact, as checks over a real database, and wrong changes that they notice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg

import sql
from api_edge.auth import signing
from api_edge.handlers import cursors, reader
from consumers.runtime import listening, timing
from consumers.runtime.batch import Batch
from consumers.runtime.catching_up import Taken
from consumers.runtime.decoding import Happened, reactions
from consumers.runtime.listening import Listening
from consumers.runtime.reactions import Reaction, ears_of
from consumers.runtime.settling import Settler
from consumers.runtime.timing import Timer
from contracts import envelope as envelopes
from contracts.file_mgr.files import FileReady
from contracts.identity.api_keys import CreateApiKey
from contracts.ids import derived_id, id_text
from tests.mutants.checks import hold
from tests.mutants.reactions import Past, told
from tests.support.hours import SOON, hours_of
from tests.support.in_process import InProcessDomains, item_of
from tests.support.password import PASSWORD
from tests.support.timing import once

READY = {"kind": "template", "sha256": "s", "scan_key": "k", "bytes": 1, "width": 1, "height": 1, "duration": 0.0}
ASKED = """insert into studio.render_requests values ($1, $2, 1, $3, $3, $2, null, '', 50, 1, 1, 1, 1, 'draft', 1, '[]')"""
JOB = """insert into render.render_jobs (tenant_id, job_id, version, created_at, updated_at, state, spec_sha256, priority, width, height,
  rate_num, rate_den, quality, has_voiceover, frames_total, frames_done, segments_total, segments_done, engine_build, encoder_build,
  assemble_attempts, warnings, metadata, code, detail, field, needs, paused)
  values ($1, $2, 1, $3, $3, $4, '', 50, 1, 1, 1, 1, 'draft', false, 1, 0, 1, 0, '', '', 0, '[]', '{}', '', '', '', '{}', false)"""


async def commands_lie_in_the_order_of_time(in_process: InProcessDomains) -> None:
    """What is decided later lies later in the inbox's index, whoever sent it."""
    tenant = await in_process.tenant()
    for number in range(5):
        key = CreateApiKey(name="k", scopes=("*",), secret_sha256=f"{number:064}", hint="h")
        await in_process.decide("identity", [item_of(key, tenant, id=signing.random_id()), item_of(key, tenant)])
        await asyncio.sleep(0.002)  # a moment is a millisecond
    rows = await in_process.admin.fetch("select id from identity.inbox where tenant_id = $1 order by decided_at, id", tenant)
    moments = [row["id"].int >> 80 for row in rows]
    hold(moments == sorted(moments), f"they lie at {moments}")


async def what_was_half_reacted_to_at_an_update_is_not_decided_twice(in_process: InProcessDomains) -> None:
    """I1: a reaction that was held hears its event again after the update; what the release before decided of it stands."""
    (happened,) = await told(in_process, [FileReady(file_id=uuid4(), **READY)])
    domain = in_process.domains["content"]
    (one,) = [one for one in domain.reacts if isinstance(one, Reaction)]
    before = reactions(one, happened, former=happened.position)
    await in_process.decide("content", before)
    await in_process.admin.execute("delete from content.cursors where name = 'former ids'")  # no leader of this release has begun

    async def nobody(batch: Batch) -> None: ...

    settler = Settler(domain, nobody, lambda: None)
    await Listening(domain, Past(in_process), nobody, settler, asyncio.Event()).begin(in_process.stores["content"])  # type: ignore[arg-type]
    (later,) = await told(in_process, [FileReady(file_id=uuid4(), **READY)])
    again = await _heard(in_process, settler, happened)
    hold(before and all(item.seen for item in again), "it was decided once more")
    new = await _heard(in_process, settler, later)
    hold([item.envelope.id.int >> 80 for item in new] == [later.envelope.id.int >> 80] * len(new), "the next one lies anywhere")


async def _heard(in_process: InProcessDomains, settler: Settler, happened: Happened) -> list[Any]:
    domain = in_process.domains["content"]
    taken = Taken(domain, ears_of(domain.reacts), settler)
    taken.hear(happened, {one.name for one in domain.reacts})
    await in_process.decide("content", taken.items)
    return taken.items


async def a_timer_that_the_release_before_published_fires_once(in_process: InProcessDomains) -> None:
    """I1: its command lies in the stream under the id that it had, and comes again under the new one."""
    async with hours_of(in_process) as hour:
        await hour.do(once("a", SOON))
        await hour.publish_at(SOON)
        (now,) = hour.items()
        set_by = now.envelope.causation
        former = derived_id(set_by, f"timer file_mgr {id_text(hour.tenant)} a {SOON.isoformat()}")
        (published,) = [item_of(now.command, hour.tenant, id=former, timer=now.envelope.timer)]  # type: ignore[arg-type]
        await hour.decide([published])
        hold([name for name, _ in await hour.fired()] == ["a"], "what was published before the update is not decided")
        await hour.decide([now])
        hold(len(await hour.fired()) == 1, "it was decided once more")


async def pages_hold_every_render_once(in_process: InProcessDomains) -> None:
    """Every render is on one page, also those of one moment and those that have no job yet, and of a state all that have it."""
    tenant, now = uuid4(), datetime.now(UTC)
    ids = [uuid4() for _ in range(40)]
    for number, id in enumerate(ids):
        at = now + timedelta(seconds=number // 8)
        await in_process.admin.execute(ASKED, tenant, id, at)
        if number < 30:
            await in_process.admin.execute(JOB, tenant, id, at, ("completed", "queued", "cancelled")[number % 3])
    queued = [id for number, id in enumerate(ids) if number >= 30 or number % 3 == 1]
    conn = await asyncpg.connect(in_process.dsn, user="edge_ro", password=PASSWORD, server_settings=reader.SESSION)
    try:
        for state, wanted in ((None, ids), ("queued", queued)):
            found = await _pages(conn, tenant, state)
            hold(sorted(found) == sorted(wanted), f"of {len(wanted)} renders {len(set(found))} are found, in {len(found)} rows")
    finally:
        await conn.close()


async def _pages(conn: asyncpg.Connection, tenant: UUID, state: str | None) -> list[UUID]:
    found: list[Any] = []
    text, at, id = sql.load("read").renders, *cursors.beginning((datetime, UUID))
    await conn.execute(f"set app.tenants = '{tenant}'")
    while rows := await conn.fetch(text, tenant, state, at, id, 7):
        found += rows
        at, id = rows[-1]["created_at"], rows[-1]["job_id"]
        hold(len(found) < 1000, "the pages do not end")
    return [row["job_id"] for row in found]


# Wrong changes


def ids_are_random(in_process: InProcessDomains) -> Any:
    """Commands have random ids, as once."""
    return patch.object(envelopes, "new_id", uuid4)


def the_edges_ids_are_random(in_process: InProcessDomains) -> Any:
    """Requests without a key have random ids, as once."""
    return patch.object(signing, "random_id", uuid4)


def an_update_names_everything_anew(in_process: InProcessDomains) -> Any:
    """Where this release began is not looked at."""

    async def nowhere(*_: Any) -> int:
        return 0

    return patch.object(listening, "begin_ids", nowhere)


def former_timers_are_forgotten(in_process: InProcessDomains) -> Any:
    """A timer's command is known by its new id alone."""
    return patch.object(Timer, "is_command", lambda self, domain, id: id == self.command_id(domain))


def whatever_bears_a_timers_name_is_decided(in_process: InProcessDomains) -> Any:
    """Whether the timer still says so is not looked at."""
    return patch.object(timing.Timing, "refusal", lambda self, item: None)


def _changed(old: str, new: str) -> Any:
    text = sql.load("read").renders
    assert old in text
    return patch.object(sql.load("read"), "renders", text.replace(old, new))


def renders_without_a_job_are_left_out(in_process: InProcessDomains) -> Any:
    """What was just asked for is not listed."""
    return _changed("coalesce($2, 'queued') = 'queued'", "coalesce($2, 'queued') = ''")


def renders_with_a_job_are_listed_twice(in_process: InProcessDomains) -> Any:
    """Whether there is a job is not looked at."""
    return _changed("where not exists", "where true or exists")


def pages_forget_the_id(in_process: InProcessDomains) -> Any:
    """A page begins with the moment in which the one before ended."""
    return _changed("(created_at, job_id) <", "(created_at, '00000000-0000-0000-0000-000000000000'::uuid) <")
