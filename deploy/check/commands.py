"""Inboxes and events against each other: a command's events are in the log or an outbox, and an event's command in an inbox."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.log import LogEvent
from contracts.audit import QUARANTINED, REFUSED, CommandQuarantined, CommandRefused
from contracts.domains import DOMAINS
from contracts.ids import moment_id
from contracts.message import PLATFORM
from contracts.message import named as named_type
from deploy.check.differences import Difference
from deploy.check.look import Look
from deploy.check.stretch import named

_q = sql.load("check")
OVERLAP = timedelta(seconds=60)  # a batch that was begun before the last look may have been committed after it
YOUNGEST = timedelta(days=29)  # operations are kept 30
BACK = 5_000  # positions before those of a moment in which an event of that moment may lie: several domains' batches are under way
LOST = "The event is lost: what it wrote stands in rows only. Compare with a backup; docs/guides/check.md says how it is written again."
UNKNOWN = "Whoever wrote this event did not do it by a command: find out who may write to the outboxes and the log."


class Decided(msgspec.Struct, frozen=True):
    """A command's row in an inbox."""

    domain: str
    tenant_id: UUID
    id: UUID
    type: str
    state: str
    events: int
    decided_at: datetime

    @property
    def place(self) -> str:
        """For a person."""
        return f"command {self.id} ({self.type}, {self.state}) of tenant {self.tenant_id}"


async def have_their_events(look: Look) -> list[Difference]:
    """Every command that says that it had events has them; looked for under the ids that they must have."""
    since = _since(look)
    decided: list[tuple[Decided, list[UUID]]] = []
    for domain in DOMAINS:
        rows = await look.conn.fetch(_q.operations.replace("{schema}", domain), since, look.bounds.commands)
        decided += [(_decided(domain, row), _ids(domain, row)) for row in rows if row["events"]]
    look.counts.commands += len(decided)
    there = await _there(look, [id for _, ids in decided for id in ids])
    open_ = [one for one, ids in decided if not ids or not there.issuperset(ids)]
    causing = await _causing(look, open_)
    return [_lost(one) for one in open_ if one.id not in causing]


def _since(look: Look) -> datetime:
    oldest = look.head.now - YOUNGEST
    if (archived := look.head.archived) is not None:  # a table that was emptied so far holds no event of what was decided then
        oldest = max(oldest, archived + 2 * OVERLAP)
    if look.bounds.whole:
        return oldest
    # The first check of all begins with the present: what was before is for the full form.
    return max(oldest, look.kept.decided_at or look.head.now) - OVERLAP


def _decided(domain: str, row: asyncpg.Record) -> Decided:
    return Decided(domain, *(row[name] for name in ("tenant_id", "id", "type", "state", "events", "decided_at")))


def _ids(domain: str, row: asyncpg.Record) -> list[UUID]:
    """Under which ids a command's events lie; those of what a node reports are found by their cause alone."""
    if row["tenant_id"] == PLATFORM:
        return []
    names = {"refused": [REFUSED[domain].__name__], "quarantined": [QUARANTINED[domain].__name__]}
    given = names.get(row["state"]) or [f"event {number}" for number in range(row["events"])]
    return [moment_id(row["decided_at"], row["tenant_id"], row["id"], domain, name) for name in given]


async def _there(look: Look, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these events that are in the log or in an outbox."""
    mine = {event.event_id for event in look.stretch.all}
    rest = [id for id in ids if id not in mine]
    rows = await look.conn.fetch(_q.logged, rest) if rest else []
    return mine | {row["event_id"] for row in rows}


async def _causing(look: Look, decided: Sequence[Decided]) -> set[UUID]:
    """Which of these commands are the cause of an event: also of one whose id was given by hand."""
    mine = {event.causation_id for event in look.stretch.all}
    rest = [one for one in decided if one.id not in mine]
    if not rest:
        return mine
    since = await _position_of(look, min(one.decided_at for one in rest)) - BACK
    rows = await look.conn.fetch(_q.caused, since, [one.id for one in rest])
    return mine | {row["causation_id"] for row in rows}


async def _position_of(look: Look, moment: datetime) -> int:
    """About where the log stood at a moment; its times are not indexed, and nearly in order."""
    low, high = look.head.first or 1, look.last
    while low < high:
        middle = (low + high) // 2
        if await look.conn.fetchval(_q.time_at, middle) < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _lost(one: Decided) -> Difference:
    expected = f"{one.events} event{'s' if one.events > 1 else ''} in the log or in {one.domain}.outbox, as its row says"
    return Difference(name="commands", place=one.place, expected=expected, found="fewer, or none", remedy=LOST)


async def have_decided(look: Look) -> list[Difference]:
    """Every event of the stretch has a cause that is known: a command that an inbox remembers, or another event."""
    young = [event for event in look.stretch.all if look.head.now - event.time < YOUNGEST]
    causes: dict[UUID, set[UUID]] = {}  # and the tenants in whose inbox it may lie
    for event in young:
        causes.setdefault(event.causation_id, {PLATFORM}).update(_tenants(event))
    known = {event.event_id for event in look.stretch.all}
    known |= await _decided_by_any(look, {id: tenants for id, tenants in causes.items() if id not in known})
    # What the platform is told because of a tenant's command names the request only.
    requests = {event.causation_id: event.correlation_id for event in young if event.causation_id not in known}
    known |= await _decided_by_any(look, await _asking(look, requests))
    known |= await _there(look, [id for id in causes if id not in known])
    known |= {id for id in causes if id not in known and _may_be_archived(look, id)}
    return [_uncaused(event) for event in young if event.causation_id not in known]


def _may_be_archived(look: Look, event: UUID) -> bool:
    """Whether an event of this id can be older than the log's table: ids of version 8 begin with the milliseconds of their moment."""
    if (archived := look.head.archived) is None:
        return False
    return event.version != 8 or event.int >> 80 < archived.timestamp() * 1000


def _tenants(event: LogEvent) -> Iterable[UUID]:
    """Whose command an event's cause may be: what the platform is told of a tenant's command names that tenant."""
    yield event.tenant_id
    if (kind := named_type(event.type)) is not None and issubclass(kind.cls, (CommandRefused, CommandQuarantined)):
        yield msgspec.json.decode(event.body, type=kind.cls).tenant_id


async def _asking(look: Look, requests: dict[UUID, UUID]) -> dict[UUID, set[UUID]]:
    """The tenants that have events of these requests."""
    rows = await look.conn.fetch(_q.tenants_of_requests, list(requests.values())) if requests else []
    tenants: dict[UUID, set[UUID]] = {}
    for row in rows:
        tenants.setdefault(row["correlation_id"], set()).add(row["tenant_id"])
    return {cause: tenants.get(request, set()) for cause, request in requests.items()}


async def _decided_by_any(look: Look, causes: dict[UUID, set[UUID]]) -> set[UUID]:
    known: set[UUID] = set()
    for domain in DOMAINS:
        if left := [(tenant, id) for id, tenants in causes.items() if id not in known for tenant in tenants]:
            known |= await _decided_by(look, domain, left)
    return known


async def _decided_by(look: Look, domain: str, given: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    tenants, ids = zip(*given, strict=True)
    return {row["id"] for row in await look.conn.fetch(_q.decided.replace("{schema}", domain), list(tenants), list(ids))}


def _uncaused(event: LogEvent) -> Difference:
    expected = f"its cause {event.causation_id} in an inbox, or as an event"
    return Difference(name="causes", place=named(event), expected=expected, found="neither", remedy=UNKNOWN)
