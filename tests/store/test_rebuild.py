"""The scheduler's picture: what is followed event by event is what a restart reads from the tables."""

from typing import Any
from uuid import UUID

import asyncpg

from consumers.render.scheduling.farm import Farm
from consumers.render.scheduling.farm.apply_events import apply
from consumers.render.scheduling.rebuild import rebuild
from deploy.local.servers import Servers
from tests.support.databases import migrated
from tests.support.in_process import InProcessDomains
from tests.support.sample_history import SampleHistory


def picture(farm: Farm) -> dict[str, Any]:
    """All that decides what is given to whom, but for what only time tells; what is in work is not looked at as waiting."""
    at_work = {(part.tenant, part.subject) for part in farm.parts.values() if part.kind != "render"}
    return {
        "nodes": {n.node_id: (n.name, n.epoch, n.slots, n.builds, n.capabilities, n.service, n.busy, n.short) for n in farm.nodes.values()},
        "jobs": {ref: (job.builds, job.needs, job.bundles, job.paused, job.keys, job.frames) for ref, job in farm.jobs.items() if job.keys},
        "waiting": {ref: _waiting(farm, ref) for ref in farm.jobs if farm.jobs[ref].keys},
        "unplanned": set(farm.unplanned),
        "short": {entry[1:] for waiting in farm.short._of.values() for entry in waiting} - at_work,
        "assembling": {ref for state in farm.tenants._all.values() for ref in state.assembling} - at_work,
        "drawing": farm.drawing,
        "avoid": farm.avoid,
        "repairs": {ref: set(repairs) for ref, repairs in farm.repairs.items()},
        "parts": {part_id: (part.node_id, part.kind, part.keys) for part_id, part in farm.parts.items()},
    }


def _waiting(farm: Farm, ref: tuple[UUID, UUID]) -> set[int]:
    job = farm.jobs[ref]
    return {idx for idx in (*job.waiting, *job.picky) if idx in job.keys and (ref[0], job.keys[idx]) not in farm.drawing}


async def test_at_every_step_of_a_history_the_followed_picture_is_the_one_that_the_tables_give(servers: Servers) -> None:
    async with migrated(servers.pg_admin_dsn) as dsn, InProcessDomains(dsn) as in_process:
        sample = Followed(in_process, tenants=2, jobs=2, seconds=4.0)
        sample.conn = await asyncpg.connect(dsn)
        try:
            await sample.tell()
        finally:
            await sample.conn.close()
    assert sample.compared > 30


class Followed(SampleHistory):
    """A history whose every step is followed by a farm and compared with the tables."""

    conn: asyncpg.Connection
    compared = 0

    async def all(self, commands: Any, actor: str = "key:test") -> Any:
        before = self._mark
        happened = await super().all(commands, actor)
        self.farm = getattr(self, "farm", None) or Farm()
        for envelope, event in self.in_process.events[before : self._mark]:
            apply(self.farm, event, envelope, 0.0)
        told, read = picture(self.farm), picture(await rebuild(self.conn, 0.0))
        assert told == read, {name: (told[name], read[name]) for name in told if told[name] != read[name]}
        self.compared += 1
        return happened
