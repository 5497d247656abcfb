"""Rows against the log: what the events of a stretch wrote, and, one tenant at a time, all that a tenant has."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sql
from adapters.object_store import ObjectMissing
from consumers.log import LogDamaged
from consumers.runtime.domain import Domain
from consumers.runtime.state import Load, State, Want
from contracts.entity import Row
from contracts.message import PLATFORM
from deploy.check.beginnings import Stretched, Touched
from deploy.check.differences import Difference
from deploy.check.look import Look
from deploy.check.stored_rows import readable
from deploy.check.stretch import history
from deploy.check.tenant_history import Exact

_q = sql.load("check")
AT_ONCE = 500  # events between two loads of rows
WALK = "tenants"
FIRST = UUID(int=0)


async def touched(look: Look) -> list[Difference]:
    """Every row that an event of the stretch wrote, the first and all others.

    What looks wrong is made sure of by the whole history of its tenant; only then does it count.
    """
    ready, wrong = look.known, list(look.unknown)
    stretched = Stretched(look.stretch)
    for start in range(0, len(ready), AT_ONCE):
        part = ready[start : start + AT_ONCE]
        while wants := stretched.take(part, start):
            wrong += await _load(look, stretched, wants)
        await look.breathe()
    if stretched.unseen:
        wrong += await _load(look, stretched, stretched.unseen)
    look.counts.rows += len(stretched.touched)
    suspects: dict[UUID, list[Touched]] = {}
    for table, key in stretched.differing():
        suspects.setdefault(key[0], []).append((table, key))
    for (_, _, envelope, _), _ in (*stretched.failed, *stretched.jumps):
        suspects.setdefault(envelope.tenant, [])
    return wrong + [one for tenant, rows in suspects.items() for one in await _sure(look, tenant, rows, stretched)]


async def _load(look: Look, stretched: Stretched, wants: list[Want]) -> list[Difference]:
    """Load what is there of the wanted rows; answers those that cannot be read."""
    wrong: list[Difference] = []

    async def fetch(loads: Sequence[Load]) -> list[list[Row]]:
        for table, columns, keys in loads:
            text = await look.conn.fetchval(table.load_sql(columns), *table.keys_given(columns, keys))
            there, bad = readable(table, text)
            wrong.extend(bad.values())
            stretched.load((table, columns, keys), there)
            stretched.pass_over(table, bad)
        return [[] for _ in loads]

    await State().load(wants, fetch)
    return wrong


async def _sure(look: Look, tenant: UUID, rows: list[Touched], stretched: Stretched) -> list[Difference]:
    if await look.conn.fetchval(_q.events_of, tenant, look.bounds.history) >= look.bounds.history:
        look.unsure += [f"{table} {key}" for table, key in rows] or [f"events of tenant {tenant}"]
        return []
    try:
        exact = await _exact(look, tenant)
    except (LogDamaged, ObjectMissing) as error:
        return [_unread(tenant, error)]
    for table, key in rows:
        exact.compare(table, key, stretched.live.get((table, key)))
    return exact.differences


async def _exact(look: Look, tenant: UUID) -> Exact:
    return await Exact(look.domains, look.spans).take(history(look.conn, tenant, look.last, look.store))


def _unread(tenant: UUID, error: Exception) -> Difference:
    return Difference(name="archives", place=f"the history of tenant {tenant}", expected="that it can be read", found=str(error))


async def tenants(look: Look) -> list[Difference]:
    """The next tenant of the walk, whole, where it is small enough; and those again that were found wrong."""
    found: list[Difference] = []
    after = UUID(look.walks.get(WALK, "") or str(FIRST))
    following = await look.conn.fetchval(_q.tenants_after, after)
    look.walked[WALK] = str(following) if following else ""
    for tenant in dict.fromkeys([*map(UUID, look.again(WALK)), *([following] if following else [PLATFORM])]):
        found += await _whole(look, tenant)
    return found


async def _whole(look: Look, tenant: UUID) -> list[Difference]:
    if await look.conn.fetchval(_q.events_of, tenant, look.bounds.tenant) >= look.bounds.tenant:
        return []
    try:
        exact = await _exact(look, tenant)
    except (LogDamaged, ObjectMissing) as error:
        return [look.walking(WALK, _unread(tenant, error), str(tenant))]
    look.counts.rows += await exact.compare_all(look.conn, tenant, _tables(look.domains))
    look.counts.tenants += 1
    return [look.walking(WALK, one, str(tenant)) for one in exact.differences]


def _tables(domains: Sequence[Domain]) -> list[Any]:
    return [table for domain in domains for table in domain.tables]
