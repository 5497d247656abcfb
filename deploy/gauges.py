"""What a process of consumers measures when its metrics are asked for: each part's figures as values of gauges. Leaders alone tell."""

import time
from collections.abc import Awaitable, Callable
from typing import get_args

import sql
from adapters.metrics import Labels
from consumers.log.sequencer import Sequencer
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.pool import Pool
from consumers.runtime.reaction_cursors import standing
from consumers.runtime.retention import Retention
from consumers.runtime.runtime import Runtime
from consumers.runtime.timers import Timers
from contracts.message import PLATFORM
from contracts.render.nodes import CRASHES, CrashKind

_q = sql.load("runtime")
COUNT_AGAIN = 30.0  # seconds between two counts of all effects
GAUGES: dict[str, tuple[str, Labels]] = {
    "flatrender_oldest_row_seconds": ("Age of a table's oldest row that goes by its age or waits for something.", ("table",)),
    "flatrender_effects": ("Effects that are there, by kind and state.", ("domain", "kind", "state")),
    "flatrender_effects_due_seconds": ("For how long the effect has been due that nobody has taken up the longest.", ("domain", "kind")),
    "flatrender_timers_set_aside": ("Timers that are not published any more and wait for a person.", ("domain",)),
    "flatrender_reaction_behind": ("Positions between a reaction's cursor and the end of what is published.", ("domain", "reaction")),
    "flatrender_reaction_to_learn": ("Positions that a fold has to learn before its domain takes commands.", ("domain", "reaction")),
    "flatrender_parked_types": ("Types of commands that fail by our own fault and wait.", ("domain",)),
    "flatrender_domain_waits": ("1 while the domain can decide nothing at all.", ("domain",)),
    "flatrender_node_crashes": (
        "What died on nodes within the last hour, by kind; frames that differ the second time among it.",
        ("kind",),
    ),
    "flatrender_log_position": ("How far the log reaches: the end, what is published of it, what is read in archives.", ("what",)),
}
"""Each with what it says and its labels."""
Measured = dict[str, dict[Labels, float]]
"""Values by the gauge's name and its labels' values."""
Ask = Callable[[], Awaitable[Measured]]


def tables(retention: Retention) -> Ask:
    """How old the oldest rows are."""

    async def ask() -> Measured:
        return {"flatrender_oldest_row_seconds": {(table,): age for table, age in (await retention.oldest()).items()}}

    return ask


def effects(runner: EffectRunner) -> Ask:
    """How many effects there are, and how long the oldest has been due: every row is looked at, so once in a while only."""
    name, known, again = runner.domain.name, Measured(), 0.0

    async def ask() -> Measured:
        nonlocal known, again
        if time.monotonic() >= again or not runner.leads:
            rows = await runner.counts()
            known = {
                "flatrender_effects": {(name, row["kind"], row["state"]): row["count"] for row in rows},
                "flatrender_effects_due_seconds": {(name, row["kind"]): row["overdue"] for row in rows if row["state"] == "due"},
            }
            again = time.monotonic() + COUNT_AGAIN
        return known

    return ask


def timers(of: Timers) -> Ask:
    """How many timers were set aside."""

    async def ask() -> Measured:
        aside = await of.aside()
        return {} if aside is None else {"flatrender_timers_set_aside": {(of.domain.name,): aside}}

    return ask


def reactions(runtime: Runtime, pool: Pool) -> Ask:
    """How far the reactions of a domain are behind, and what it has to learn."""
    name, known = runtime.domain.name, {one.name for one in runtime.domain.reacts}

    async def ask() -> Measured:
        if not known or not runtime.active.is_set():
            return {}
        async with pool.acquire(timeout=POOL_WAIT) as conn:
            head, places = await conn.fetchval(_q.published), await standing(conn, name)
        found = {(name, reaction): place for reaction, place in places.items() if reaction in known}
        return {
            "flatrender_reaction_behind": {labels: max(0, head - place.position) for labels, place in found.items()},
            "flatrender_reaction_to_learn": {labels: max(0, place.goal - place.position) for labels, place in found.items() if place.goal},
        }

    return ask


def crashes(runtime: Runtime, pool: Pool) -> Ask:
    """What died on the farm's nodes lately, told by the domain that keeps it."""
    kinds = get_args(CrashKind)

    async def ask() -> Measured:
        if not CRASHES.table.startswith(f"{runtime.domain.name}.") or not runtime.active.is_set():
            return {}
        async with pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction(readonly=True):
            await conn.execute("select set_config('app.tenants', $1, true)", str(PLATFORM))
            found = {row["kind"]: row["count"] for row in await conn.fetch(sql.load("render").lately_crashed, PLATFORM)}
        return {"flatrender_node_crashes": {(kind,): float(found.get(kind, 0)) for kind in kinds}}

    return ask


def work(runtime: Runtime) -> Ask:
    """What waits because of a fault of ours."""
    labels = (runtime.domain.name,)

    async def ask() -> Measured:
        if runtime.leading.stands_by:
            return {}
        parked, waits = len(runtime.settler.parking), float(bool(runtime.waits))
        return {"flatrender_parked_types": {labels: parked}, "flatrender_domain_waits": {labels: waits}}

    return ask


def log(sequencer: Sequencer) -> Ask:
    """How far the log reaches."""

    async def ask() -> Measured:
        return {"flatrender_log_position": {(what,): position for what, position in (await sequencer.measured()).items()}}

    return ask
