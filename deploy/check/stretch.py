"""A stretch of the log up to its end, with what lies in outboxes: the ground of most comparisons, and its chain."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log import LogEvent, read
from consumers.runtime.decoding import envelope_of
from consumers.runtime.domain import Domain
from consumers.runtime.projection import Write, nothing
from consumers.runtime.reactions import Fold
from consumers.runtime.replay.projector import Spans
from contracts.chain import GENESIS
from contracts.domains import DOMAINS
from contracts.effects import STEERED
from contracts.envelope import Envelope
from contracts.message import Event, decode
from deploy.check.differences import Difference

_q = sql.load("check")
REWRITTEN = "Somebody changed the log: compare with a backup and its archives; `flatrender replay --verify` says what follows from it."


class Stretch(msgspec.Struct, kw_only=True):
    """The log behind `since` up to `last`, both positions; then what is not in the log yet."""

    since: int
    last: int
    hash: str  # of the last event
    events: list[LogEvent]
    waiting: list[LogEvent]
    before: set[tuple[UUID, datetime]]  # tenants and times of the events just before it

    @property
    def all(self) -> list[LogEvent]:
        """In the order in which they happened."""
        return [*self.events, *self.waiting]


async def stretch(conn: asyncpg.Connection, since: int, last: int, hash: str) -> Stretch:
    """Read it in the connection's snapshot."""
    events = [event async for some in read(conn, since, until=last) for event in some] if last > since else []
    before = {(row["tenant_id"], row["time"]) for row in await conn.fetch(_q.times_before, since)}
    end = events[-1].hash if events else hash or await conn.fetchval(_q.hash_at, last) or GENESIS
    return Stretch(since=since, last=last, hash=end, events=events, waiting=await _waiting(conn), before=before)


async def _waiting(conn: asyncpg.Connection, tenant: UUID | None = None) -> list[LogEvent]:
    found = []
    for domain in DOMAINS:
        if tenant is None:
            rows = await conn.fetch(_q.waiting.replace("{schema}", domain))
        else:
            rows = await conn.fetch(_q.waiting_of_tenant.replace("{schema}", domain), tenant)
        found += [LogEvent(position=0, prev_hash="", hash="", **dict(row)) for row in rows]
    return found


async def history(conn: asyncpg.Connection, tenant: UUID, last: int, store: ObjectStore | None) -> AsyncIterator[Sequence[LogEvent]]:
    """All that ever happened to a tenant, in the connection's snapshot. Raises LogDamaged."""
    async for events in read(conn, tenant=tenant, until=last, store=store):
        yield events
    yield await _waiting(conn, tenant)


def chain(of: Stretch, hash: str) -> list[Difference]:
    """Where the chain of the stretch breaks first, if it does; `hash` is what stood at its beginning, if that is known."""
    position, last = of.since, hash
    for event in of.events:
        if event.position != position + 1:
            return [_broken(position + 1, "an event", f"none; position {event.position} follows")]
        if last and event.prev_hash != last:
            return [_broken(event.position, f"that it continues the hash {last[:16]}…", f"{event.prev_hash[:16]}…")]
        if event.hash != event.expected_hash:
            return [_broken(event.position, f"{event.type} {event.event_id} as it was written", "another content")]
        position, last = event.position, event.hash
    if position != of.last:
        return [_broken(position + 1, "an event", f"none, and the log ends at {of.last}")]
    return []


def _broken(position: int, expected: str, found: str) -> Difference:
    return Difference(name="chain", place=f"position {position} of the log", expected=expected, found=found, remedy=REWRITTEN)


Known = tuple[Write, Event, Envelope, LogEvent]


def known(domains: Sequence[Domain], events: Sequence[LogEvent], spans: Spans) -> tuple[list[Known], list[Difference]]:
    """The events with what they write, each once and once more for every fold that has come so far; and those that cannot be read."""
    writes = {cls: write for domain in domains for cls, write in domain.writes.items()}
    writes |= dict.fromkeys(STEERED.values(), nothing)  # an effect is a row of work, which others write too and which goes when it is done
    folds = _folds(domains, spans)
    found: list[Known] = []
    wrong: list[Difference] = []
    for recorded in events:
        try:
            event = decode(recorded.type, recorded.body)
            assert isinstance(event, Event), "only events are recorded"
            envelope = envelope_of(recorded)
            found.append((writes[type(event)], event, envelope, recorded))
            for since, until, fold in folds.get(type(event), ()):
                if since < recorded.position <= until:
                    found.append((fold, event, envelope, recorded))
        except (KeyError, AssertionError, msgspec.MsgspecError) as error:
            said = "no domain writes events of this type" if isinstance(error, KeyError) else str(error)
            wrong.append(
                Difference(name="events", place=named(recorded), expected="an event of this release", found=said, remedy=REWRITTEN)
            )
    return found, wrong


def _folds(domains: Sequence[Domain], spans: Spans) -> dict[type[Event], list[tuple[int, int, Write]]]:
    """What copies learn from an event, with the positions between which they have done so."""
    found: dict[type[Event], list[tuple[int, int, Write]]] = {}
    for domain in domains:
        for fold in domain.reacts:
            if isinstance(fold, Fold):
                for cls in fold.events:
                    found.setdefault(cls, []).append((*spans.get((domain.name, fold.name), (0, 0)), fold.write))
    return found


def named(event: LogEvent) -> str:
    """An event, for a person."""
    where = f"position {event.position}" if event.position else "not yet in the log"
    return f"event {event.event_id} ({event.type}, {where})"
