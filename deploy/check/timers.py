"""Timers: none is long overdue, and none that an event set is lost before its moment."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import sql
from consumers.runtime.domain import Domain
from contracts.envelope import derived_id
from deploy.check.found import Difference
from deploy.check.look import Look
from deploy.check.stretch import Known, named

_q = sql.load("check")
SOON = 5.0  # seconds before its moment within which a timer may have been taken already, by another's clock
LATE = "See the file of `consumers`: does the domain run, and can it read this timer (`ALARM`)?"
SET = "Its command will never come by itself: send it by hand when its moment comes, or set the timer's row again."


async def find(look: Look) -> list[Difference]:
    """Of every domain."""
    return [one for domain in look.domains for one in [*await _overdue(look, domain), *await _lost(look, domain)]]


async def _overdue(look: Look, domain: Domain) -> list[Difference]:
    found = []
    for row in await look.conn.fetch(_q.overdue_timers.replace("{schema}", domain.name), look.bounds.late):
        place = f"timer {row['id']} ({row['type']}) of {domain.name}, tenant {row['tenant_id']}"
        expected = f"its command, due at {row['due_at']:%Y-%m-%d %H:%M:%S}"
        found.append(Difference(name="timers", place=place, expected=expected, found="the timer still", remedy=LATE))
    return found


async def _lost(look: Look, domain: Domain) -> list[Difference]:
    wanted = {id: (tenant, due, one) for id, tenant, due, one in _asked_for(look, domain)}
    if not wanted:
        return []
    text = _q.timers_there.replace("{schema}", domain.name)
    rows = await look.conn.fetch(text, [tenant for tenant, _, _ in wanted.values()], list(wanted))
    there = {row["id"]: row["due_at"] for row in rows}
    return [_gone(domain, due, one, there.get(id)) for id, (_, due, one) in wanted.items() if there.get(id) != due]


def _asked_for(look: Look, domain: Domain) -> Iterable[tuple[UUID, UUID, datetime, Known]]:
    """Timers whose moment has not come, which must be there."""
    for one in look.known:
        _, event, envelope, _ = one
        make = domain.timers.get(type(event))
        for number, timer in enumerate(make(event, envelope) if make else ()):
            if (timer.due_at - look.head.now).total_seconds() > SOON:
                yield derived_id(envelope.id, f"timer {number}"), envelope.tenant, timer.due_at, one


def _gone(domain: Domain, due: datetime, one: Known, there: datetime | None) -> Difference:
    place = f"timer of {domain.name} for {named(one[3])}"
    found = "none" if there is None else f"one due at {there:%Y-%m-%d %H:%M:%S}"
    return Difference(name="timers", place=place, expected=f"one due at {due:%Y-%m-%d %H:%M:%S}", found=found, remedy=SET)
