"""One batch in one transaction: inbox, load, decide, project, write, outbox; and what it leaves to be told afterwards."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from adapters.nats import deliveries_of
from consumers.runtime.clock import utc_now
from consumers.runtime.domain import EXISTS, Answer, Context, Decision, Domain, ForPlatform, Refusal, tenant_of
from consumers.runtime.effects.making import Made, effect_rows
from consumers.runtime.folding import Folded, fold, require_moved
from consumers.runtime.item import Item, Numbers, storable
from consumers.runtime.private import keep, projecting
from consumers.runtime.projection import RowExists, project
from consumers.runtime.rules import unexpected
from consumers.runtime.state import Missing, State, Want
from consumers.runtime.store import Columns, Store, columns, meanwhile, to_json
from consumers.runtime.table import JSON
from consumers.runtime.timing import Timing
from contracts.audit import QUARANTINED, REFUSED
from contracts.envelope import Envelope, same_request
from contracts.message import PLATFORM, Command, Event, encode
from contracts.outcome import NO_BODY, NOT_HANDLED, Outcome, Problem
from contracts.personal import is_personal

log = logging.getLogger(__name__)
# PostgreSQL's types of what keep_operations and keep_events take as columns.
OPERATION = ("uuid", "uuid", "text", "text", "text", "text", JSON, "text", "text", "text", "bigint")
EVENT = ("uuid", "text", "uuid", "text", "uuid", "uuid", "text", "bigint", "text", JSON)
NOT_KEPT = "what it says is not kept, for it holds what is personal"
LONGEST_REASON = 2000  # characters that are kept of why a command is in quarantine
AGAIN = 0.1  # seconds between two tries of a command whose refusal has patience


class Repeated(Exception):
    """The inbox has some of these commands already."""


class Batch:
    """Folds what was learned, then decides items in order; `commit` writes all of it, and the cursors with it, or nothing."""

    def __init__(
        self,
        domain: Domain,
        store: Store,
        items: list[Item],
        cursors: Mapping[str, int] | None = None,
        folded: Sequence[Folded] = (),
        now: datetime | None = None,
    ) -> None:
        self.domain, self.store, self.items, self.folded = domain, store, items, folded
        self.cursors = cursors or {}
        self.kept: dict[str, int] = {}  # the cursors that this batch has moved
        self.now = now or utc_now()
        self.state = State()
        self._projecting = projecting(domain.private)  # the rows as events see them
        self.effects = Made()
        self.on_writing: Callable[[], None] = lambda: None  # called when the decisions are made and PostgreSQL has work

    async def commit(self) -> None:
        """Run the batch in a transaction of its own. Database errors leave nothing behind and are raised.

        Most batches repeat nothing, so whether one does is asked first only when the inbox, or a table, has refused a row that is there.
        """
        ask = any(item.envelope.dry_run for item in self.items)
        try:
            await self._commit(ask=ask)
        except (Repeated, asyncpg.UniqueViolationError):
            if ask:
                raise
            self.state = State()
            await self._commit(ask=True)

    async def _commit(self, *, ask: bool) -> None:
        tenants = {PLATFORM, *(item.home for item in self.items)}
        tenants |= {item.envelope.tenant for item in self.items if item.command is not None}
        tenants |= {one.envelope.tenant for one in self.folded}
        async with self.store.transaction(tenants):
            await self._drop_seen(ask)
            self.timing = Timing(self.domain, self.store, self.items, self.now)
            await self.timing.load()
            await self._decide_all()
            self._answer_repeats()
            await self._write(sure=ask)

    async def _drop_seen(self, ask: bool) -> None:
        """Give commands that have an operation already their stored outcome; a repeat within the batch follows its first."""
        stored = await self._stored() if ask else {}
        first: set[Numbers] = set()
        for item in self.items:
            key = item.numbers
            row = stored.get(key)
            item.seen = row is not None or key in first
            if item.seen:  # what the attempt that did not ask decided for it has not happened
                item.events, item.again = [], 0.0
            first.add(key)
            if row is not None:
                item.outcome = _of_repeat(msgspec.json.decode(row["outcome"], type=Outcome), row["request_hash"], item.envelope)

    async def _stored(self) -> dict[Numbers, asyncpg.Record]:
        """What the inbox has of these commands already."""
        ids = [(item.home, item.envelope.id) for item in self.items]
        rows = await self.store.conn.fetch(self.store.q.seen, [tenant for tenant, _ in ids], [id for _, id in ids])
        return {(row["tenant_id"].int, row["id"].int): row for row in rows if row["state"] != "reopened"}

    def _answer_repeats(self) -> None:
        """A repeat within the batch hears what its first one heard."""
        repeats = [item for item in self.items if item.seen and item.outcome is None]
        first = {item.numbers: item for item in self.items if not item.seen and not item.again} if repeats else {}
        for item in repeats:
            if (told := first.get(item.numbers)) is not None and told.outcome is not None:
                item.outcome = _of_repeat(told.outcome, told.envelope.request_hash, item.envelope)

    async def _decide_all(self) -> None:
        open_items = [item for item in self.items if not item.seen]
        wanted = [want for item in open_items for want in item.wants]
        if self.folded:  # before any command, so that all of them see what is known
            await fold(self.state, self._projecting, self.folded, wanted, self.store.fetch_rows)
        else:
            await self.state.load(wanted, self.store.fetch_rows)
        begin = 0
        while begin < len(open_items):
            wants: list[Want] = []
            again: tuple[int, int] | None = None  # from which item on, and where the journal stood before it
            for number, item in enumerate(open_items[begin:], begin):
                mark = self.state.mark()
                try:
                    self._decide(item)
                except Missing as missing:
                    self.state.rollback(mark)
                    wants += missing.wants
                    again = again or (number, mark)
            if again is None:
                return
            begin, mark = again
            self.state.rollback(mark)  # what comes after a decision that could not be made is decided anew
            await self.state.load(wants, self.store.fetch_rows)

    def _decide(self, item: Item) -> None:
        item.outcome, item.events, item.again = None, [], 0.0
        mark = self.state.mark()
        if item.command is None:
            return self._quarantine(item, item.unreadable)
        if item.envelope.timer and (late := self.timing.refusal(item)) is not None:
            return self._refuse(item, late)
        if item.again:
            return None
        if item.verdict is not None:
            return self._refuse(item, Refusal(item.verdict))
        context = self._context(item)
        try:
            decision = self._decision(item.command, item.envelope, context)
            if isinstance(decision, Refusal):
                return self._refuse(item, decision)
            answer = decision if isinstance(decision, Answer) else Answer(list(decision), None)
            self._happen(item, answer.events, context)
            if answer.private:
                keep(answer.private, self.state.view(item.envelope.tenant), self.now)
            if item.envelope.dry_run:
                self.state.rollback(mark)
                item.events = []
            self._conclude(item, "done", body=answer.body)
        except Missing:
            raise
        except RowExists as error:
            self.state.rollback(mark)
            self._refuse(item, Refusal(msgspec.structs.replace(EXISTS, detail=str(error))))
        except Exception as error:  # a bug must cost one command, not the domain
            traced = None if is_personal(item.envelope.type) else error  # which quotes values
            log.error("%s %s cannot be decided: %s", item.envelope.type, item.envelope.id, type(error).__name__, exc_info=traced)
            self.state.rollback(mark)
            self._quarantine(item, f"{type(error).__name__}: {error}")

    def _decision(self, command: Command, envelope: Envelope, context: Context) -> Decision[Any]:
        view = self.state.view(envelope.tenant)
        if envelope.if_match and (refusal := unexpected(command, envelope.if_match, self.domain.tables, view)):
            return refusal
        return self.domain.decides[type(command)](command, view, context)

    def _context(self, item: Item) -> Context:
        return Context.of(self.domain.name, item.envelope, self.now, foreseen=item.own, minted=self.state.minted)

    def _happen(self, item: Item, events: Iterable[Event | ForPlatform], context: Context) -> None:
        for number, given in enumerate(events, len(item.events)):
            event, tenant = tenant_of(given, item.envelope)
            envelope = item.envelope.caused(event, id=context.id(f"event {number}"), time=self.now, tenant=tenant, cause=item.cause)
            aggregate, version = project(self.domain.writes[type(event)], event, envelope, self._projecting(self.state, tenant))
            item.events.append((envelope, event, aggregate, version))

    def _refuse(self, item: Item, refusal: Refusal) -> None:
        # Counted in tries, not by the command's time: the clock that gave it may be ahead for ever.
        if refusal.retry_for and item.raw is not None and deliveries_of(item.raw) * AGAIN < refusal.retry_for:
            item.again = AGAIN
            return
        problem = refusal.problem
        self._conclude(item, "refused", problem=problem)
        if not item.envelope.dry_run:
            # The caller is told all of it; in the log, which is for ever, a sentence must not quote what is a person's.
            detail = NOT_KEPT if is_personal(item.envelope.type) else problem.detail
            self._log(item, REFUSED[self.domain.name], code=problem.code, detail=detail, field=problem.field)

    def _quarantine(self, item: Item, reason: str) -> None:
        if is_personal(item.envelope.type):
            item.bare, reason = True, f"{reason.partition(':')[0]}: {NOT_KEPT}"
        reason = storable(reason)[:LONGEST_REASON]
        item.unreadable = reason
        self._conclude(item, "quarantined", problem=NOT_HANDLED)
        self._log(item, QUARANTINED[self.domain.name], reason=reason)

    def _log(self, item: Item, cls: type[Event], **values: str) -> None:
        envelope = item.envelope
        told = item.said or envelope.id  # a node knows its report by the id that it gave
        event = cls(command_id=told, command_type=envelope.type, tenant_id=envelope.tenant, **values)  # type: ignore[call-arg]
        caused = envelope.caused(event, id=self._context(item).id(cls.__name__), time=self.now, tenant=PLATFORM)
        item.events = [(caused, event, "", 0)]

    def _conclude(self, item: Item, state: str, *, body: Any = None, problem: Problem | None = None) -> None:
        envelope = item.envelope
        item.outcome = Outcome(
            command_id=envelope.id,
            tenant_id=envelope.tenant,
            state=state,  # type: ignore[arg-type]
            body=NO_BODY if body is None else msgspec.Raw(encode(body)),
            problem=problem,
            request_hash=envelope.request_hash,
            decided_at=self.now,
        )

    async def _write(self, *, sure: bool) -> None:
        store, q = self.store, self.store.q
        decided = [item for item in self.items if not item.seen and item.outcome is not None and not item.envelope.dry_run]
        happened = [entry for item in decided for entry in item.events]
        lasting = [item for item in decided if item.leaves_operation]
        # Each statement's parameters are made while PostgreSQL is at the one before.
        _, operations = await meanwhile(store.write_rows(self.state.changes()), lambda: self._operations(lasting))
        writing = store.keep_columns(q.keep_operations, operations, self.now)
        kept, events = await meanwhile(writing, lambda: columns((_outbox(*entry) for entry in happened), EVENT))
        if kept < len(lasting) and not sure:
            raise Repeated
        writing = store.keep_columns(q.keep_events, events, self.now)
        _, self.effects = await meanwhile(writing, lambda: effect_rows(self.domain, happened))
        await store.keep_columns(q.keep_effects, self.effects.rows)
        await self.timing.write(decided)
        self.kept = await store.move(self.cursors)
        require_moved(self.folded, self.kept)

    def _operations(self, decided: list[Item]) -> Columns:
        self.on_writing()
        return columns(map(_operation, decided), OPERATION)


def _operation(item: Item) -> tuple[Any, ...]:
    """The columns of keep_operations; a quarantined command is kept whole, for its re-drive, unless it holds what is personal."""
    envelope, outcome = item.envelope, item.outcome
    assert outcome is not None
    headers = body = None
    reason = ""
    if outcome.state == "quarantined":
        reason = item.unreadable
        if not item.bare:
            headers, body = to_json(item.kept_headers), item.text
    asked = envelope.request_hash, envelope.key_hash
    return item.home, envelope.id, envelope.type, *asked, outcome.state, to_json(outcome), headers, body, reason, len(item.events)


def _outbox(envelope: Envelope, event: Event, aggregate: str, version: int) -> tuple[Any, ...]:
    """The columns of keep_events."""
    return (
        envelope.id,
        envelope.type,
        envelope.tenant,
        envelope.actor,
        envelope.correlation,
        envelope.causation,
        aggregate,
        version,
        envelope.traceparent,
        to_json(event),
    )


def _of_repeat(first: Outcome, request_hash: str, envelope: Envelope) -> Outcome:
    """What a repeated command hears: the first one's outcome, or a refusal when the same key came with another body."""
    if not same_request(request_hash, envelope.request_hash):
        problem = Problem(code="idempotency.other_body", detail="this Idempotency-Key was used with another request; use a new key")
        return Outcome(command_id=envelope.id, tenant_id=envelope.tenant, state="refused", problem=problem)
    return msgspec.structs.replace(first, repeated=True)
