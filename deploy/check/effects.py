"""Effects: none is due, in hand or unreported for long, and none that an event asked for is lost without a row and without a report."""

from collections.abc import Iterable
from uuid import UUID

import sql
from consumers.runtime.domain import Domain
from consumers.runtime.effects.making import effects_of
from consumers.runtime.effects.row import report_id
from contracts.domains import DOMAINS
from contracts.effects import ENDS
from deploy.check.differences import Difference
from deploy.check.look import Look
from deploy.check.stretch import Known, named

_q = sql.load("check")
SETTLED = 60.0  # seconds after an event in which its effect may be under way, its row just removed and its report not decided yet
TAKEN_UP = "See the file of `consumers`: does the domain run, and what does it say of this kind?"
AGAIN = "What it was to do in the world is not done and will not be: docs/guides/check.md says how to have it done."


async def find(look: Look) -> list[Difference]:
    """Of every domain."""
    return [one for domain in look.domains for one in [*await _overdue(look, domain), *await _lost(look, domain)]]


async def _overdue(look: Look, domain: Domain) -> list[Difference]:
    found = []
    for row in await look.conn.fetch(_q.overdue_effects.replace("{schema}", domain.name), look.bounds.overdue):
        there = f"{row['count']}, the oldest of {row['oldest']:%Y-%m-%d %H:%M:%S}, tried {row['attempts']} times {row['error'][:200]}"
        expected = f"none that has been due for more than {look.bounds.overdue:.0f} s"
        place = f"effects {row['kind']} of {domain.name}, {row['how']}"
        found.append(Difference(name="effects", place=place, expected=expected, found=there, remedy=TAKEN_UP, moves=True))
    return found


async def _lost(look: Look, domain: Domain) -> list[Difference]:
    """Of the stretch: effects of kinds that answer always, which have neither a row nor a report of whichever end."""
    wanted = {ids: (tenant, kind, one) for ids, tenant, kind, one in _asked_for(look, domain)}
    if not wanted:
        return []
    there = await _ids(look, domain.name, "effects_there", [(tenant, id) for ids, (tenant, _, _) in wanted.items() for id in ids])
    left = {ids: entry for ids, entry in wanted.items() if not there & set(ids)}
    reports = {report_id(id, end): ids for ids in left for id in ids for end in ENDS}
    for name in DOMAINS:
        if reports:
            decided = await _ids(look, name, "decided", [(left[ids][0], report) for report, ids in reports.items()])
            told = {reports[report] for report in decided}
            reports = {report: ids for report, ids in reports.items() if ids not in told}
    return [_gone(domain, *left[ids][1:]) for ids in dict.fromkeys(reports.values())]


def _asked_for(look: Look, domain: Domain) -> Iterable[tuple[tuple[UUID, UUID], UUID, str, Known]]:
    """Each effect by its id and the one that it would have of the release before, its tenant, its kind, and its event."""
    for one in look.known:
        _, event, envelope, recorded = one
        makers = domain.makes.get(type(event), ())
        if not makers or not recorded.position or (look.head.now - recorded.time).total_seconds() < SETTLED:
            continue
        former = (id for _, _, id in effects_of(domain, makers, event, envelope, former=True))
        for (kind, _, id), before in zip(effects_of(domain, makers, event, envelope), former, strict=True):
            if kind.answers:
                yield (id, before), envelope.tenant, kind.name, one


async def _ids(look: Look, schema: str, statement: str, given: list[tuple[UUID, UUID]]) -> set[UUID]:
    tenants, ids = zip(*given, strict=True)
    text = getattr(_q, statement).replace("{schema}", schema)
    return {row["id"] for row in await look.conn.fetch(text, list(tenants), list(ids))}


def _gone(domain: Domain, kind: str, one: Known) -> Difference:
    place = f"effect {kind} of {domain.name} for {named(one[3])}"
    return Difference(name="effects", place=place, expected="its row, or the command that reports its end", found="neither", remedy=AGAIN)
