"""What a leader measures for its metrics: effects, timers, reactions and what waits; a standby tells nothing."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg

from consumers.file_mgr import DOMAIN as FILES
from consumers.render import DOMAIN as RENDER
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.parking import Parking
from consumers.runtime.timers import Timers
from consumers.studio import DOMAIN as STUDIO
from contracts.message import PLATFORM
from deploy import gauges
from deploy.metrics import Metrics
from tests.support.leading import leads, pool_of

EFFECT = """
insert into file_mgr.effects (tenant_id, id, kind, payload, envelope, attempts, due_at, last_error, state, created_at)
values (gen_random_uuid(), gen_random_uuid(), $1, '{}', '{}', 0, now() - interval '1 hour', '', $2, now() - interval '2 hours')
"""
TIMER = """
insert into file_mgr.timers (tenant_id, name, set_by, type, body, due_at, recurrence, again_at, set_aside)
values (gen_random_uuid(), $1, gen_random_uuid(), 'x', '{}', now(), null, null, $2)
"""


async def never(*_: Any) -> None:
    raise AssertionError("nothing is published by measuring")


async def text(*asks: gauges.Ask) -> str:
    metrics = Metrics()
    for ask in asks:
        metrics.asks(ask)
    return await metrics.text()


async def test_effects_and_timers_are_counted_by_who_leads(dsn: str, admin: asyncpg.Connection) -> None:
    for kind, state in (("open", "due"), ("open", "due"), ("open", "exhausted"), ("join", "unknown")):
        await admin.execute(EFFECT, kind, state)
    for name, why in (("one", ""), ("two", "unreadable: it is"), ("three", "it cannot be published")):
        await admin.execute(TIMER, name, why)
    pool = pool_of(dsn, "file_mgr")
    async with leads(dsn, "file_mgr") as leading:
        runner, timers = EffectRunner(FILES, pool, never, None, leading), Timers(FILES, pool, never, leading)
        asks = gauges.effects(runner), gauges.timers(timers)
        told = await text(*asks)
    assert 'flatrender_effects{domain="file_mgr",kind="open",state="due"} 2\n' in told
    assert 'flatrender_effects{domain="file_mgr",kind="open",state="exhausted"} 1\n' in told
    assert 'flatrender_effects{domain="file_mgr",kind="join",state="unknown"} 1\n' in told
    assert 'flatrender_effects_due_seconds{domain="file_mgr",kind="open"} 36' in told
    assert 'flatrender_timers_set_aside{domain="file_mgr"} 2\n' in told
    leading.active.clear()
    assert 'domain="file_mgr"' not in await text(*asks), "only the leader tells"


async def test_how_far_reactions_are_behind_and_what_is_to_learn_is_told(dsn: str, admin: asyncpg.Connection) -> None:
    await admin.execute("update log.head set published = 100")
    put = "insert into studio.cursors (name, position, since, goal) values ('reaction.' || $1, $2, 0, $3)"
    for name, position, goal in (("files", 40, 90), ("scenes", 95, 90), ("gone", 1, 0)):
        await admin.execute(put, name, position, goal)
    async with leads(dsn, "studio") as leading:
        runtime: Any = SimpleNamespace(domain=STUDIO, active=leading.active)
        told = await text(gauges.reactions(runtime, pool_of(dsn, "studio")))
    assert 'flatrender_reaction_behind{domain="studio",reaction="files"} 60\n' in told
    assert 'flatrender_reaction_behind{domain="studio",reaction="scenes"} 5\n' in told
    assert 'flatrender_reaction_to_learn{domain="studio",reaction="files"} 50\n' in told
    assert 'flatrender_reaction_to_learn{domain="studio",reaction="scenes"} 0\n' in told
    assert "gone" not in told, "a reaction that this release has not"


CRASH = """
insert into render.node_crashes (tenant_id, crash_id, version, created_at, updated_at, node_id, kind, part_id, subject_id, template, signal,
  exit_code, last_frame, log_tail)
values ($1, gen_random_uuid(), 1, now() - $3::interval, now(), gen_random_uuid(), $2, null, null, '', 0, 0, 12, '')
"""


async def test_what_died_on_nodes_within_the_hour_is_told_by_kind(dsn: str, admin: asyncpg.Connection) -> None:
    for kind, ago in (("frames_differ", 1), ("frames_differ", 50), ("frames_differ", 70), ("engine_hang", 5)):
        await admin.execute(CRASH, PLATFORM, kind, timedelta(minutes=ago))
    async with leads(dsn, "render") as leading:
        runtime: Any = SimpleNamespace(domain=RENDER, active=leading.active)
        told = await text(gauges.crashes(runtime, pool_of(dsn, "render")))
        other: Any = SimpleNamespace(domain=STUDIO, active=leading.active)
        assert "node_crashes{" not in await text(gauges.crashes(other, pool_of(dsn, "studio")))
    assert 'flatrender_node_crashes{kind="frames_differ"} 2\n' in told
    assert 'flatrender_node_crashes{kind="engine_hang"} 1\n' in told
    assert 'flatrender_node_crashes{kind="engine_crash"} 0\n' in told


async def test_parked_types_and_a_domain_that_waits_are_told() -> None:
    parking = Parking()
    parking.park("cmd.studio.project.save.v1", "no such column")
    leading = SimpleNamespace(stands_by=False)
    runtime: Any = SimpleNamespace(domain=STUDIO, leading=leading, waits="a full disk", settler=SimpleNamespace(parking=parking))
    told = await text(gauges.work(runtime))
    assert 'flatrender_parked_types{domain="studio"} 1\n' in told and 'flatrender_domain_waits{domain="studio"} 1\n' in told
