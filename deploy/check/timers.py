"""Timers: none is long overdue, and none that an event set is lost before its moment."""

from typing import Any

import sql
from consumers.runtime.domain import Domain
from consumers.runtime.timing import Key, Timer, changed
from contracts.envelope import derived_id
from deploy.check.differences import Difference
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
        place = f"timer {row['name']} ({row['type']}) of {domain.name}, tenant {row['tenant_id']}"
        expected = f"its command, due at {row['due_at']:%Y-%m-%d %H:%M:%S}"
        there = "the timer still, published" if row["published"] else "the timer still"
        if row["set_aside"]:
            there = f"the timer set aside: {row['set_aside'][:200]}"
        found.append(Difference(name="timers", place=place, expected=expected, found=there, remedy=LATE))
    return found


async def _lost(look: Look, domain: Domain) -> list[Difference]:
    wanted = {timer.key: (timer, one) for timer, one in _last_set(look, domain).values() if _is_to_come(look, timer)}
    if not wanted:
        return []
    there = await _there(look, domain, list(wanted))
    gone = {key: entry for key, entry in wanted.items() if not _same(entry[0], there.get(key))}
    # Those of releases before names are named by their ids.
    former = {(timer.tenant_id, str(derived_id(timer.set_by, "timer 0"))): key for key, (timer, _) in gone.items()}
    for key in await _there(look, domain, list(former)):
        del gone[former[key]]
    return [_gone(domain, timer, one, there.get(key)) for key, (timer, one) in gone.items()]


async def _there(look: Look, domain: Domain, keys: list[Key]) -> dict[Key, Any]:
    tenants, names = [tenant for tenant, _ in keys], [name for _, name in keys]
    rows = await look.conn.fetch(_q.timers_there.replace("{schema}", domain.name), tenants, names)
    return {(row["tenant_id"], row["name"]): row for row in rows}


def _last_set(look: Look, domain: Domain) -> dict[Key, tuple[Timer, Known]]:
    """What the stretch left of timers, by tenant and name: the last change of each counts."""
    found: dict[Key, tuple[Timer, Known]] = {}
    for one in look.known:
        _, event, envelope, _ = one
        for make in domain.timers.get(type(event), ()):
            for change in make(event, envelope):
                timer = changed(change, envelope)
                if timer is None:
                    found.pop((envelope.tenant, change.name), None)
                else:
                    found[timer.key] = timer, one
    return found


def _is_to_come(look: Look, timer: Timer) -> bool:
    """Whether its moment has not come, so that it must be there."""
    return (timer.due_at - look.head.now).total_seconds() > SOON


def _same(timer: Timer, row: Any) -> bool:
    return row is not None and (row["set_by"], row["due_at"]) == (timer.set_by, timer.due_at)


def _gone(domain: Domain, timer: Timer, one: Known, row: Any) -> Difference:
    place = f"timer {timer.name} of {domain.name}, tenant {timer.tenant_id}, set by {named(one[3])}"
    found = "none" if row is None else f"one due at {row['due_at']:%Y-%m-%d %H:%M:%S}"
    return Difference(name="timers", place=place, expected=f"one due at {timer.due_at:%Y-%m-%d %H:%M:%S}", found=found, remedy=SET)
