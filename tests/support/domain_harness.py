"""A domain in memory: commands in, events out, rows kept by the same projections as in production; no database, no broker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from consumers.runtime.domain import Answer, Context, Domain, Refusal, tenant_of
from consumers.runtime.private import keep
from consumers.runtime.projection import change, project
from consumers.runtime.reactions import Fold, Reaction, ears_of
from consumers.runtime.state import Missing, State
from consumers.runtime.table import Table
from contracts.envelope import Envelope, derived_id, first
from contracts.message import Command, Event


class DomainHarness:
    """One tenant's view of one domain; what was never put does not exist."""

    def __init__(self, domain: Domain, tenant: UUID | None = None) -> None:
        self.domain = domain
        self.tenant = tenant or uuid4()
        self.state = State()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def do(
        self,
        command: Command,
        *,
        actor: str = "key:test",
        tenant: UUID | None = None,
        id: UUID | None = None,
        dry_run: bool = False,
        timer: str = "",
    ) -> Any:
        """Decide and project; answers the events (a Refusal when refused)."""
        self.now += timedelta(seconds=1)
        envelope = msgspec.structs.replace(
            first(command, tenant=tenant or self.tenant, actor=actor, id=id), time=self.now, dry_run=dry_run, timer=timer
        )
        decision = self._loaded(
            lambda: self.domain.decides[type(command)](
                command, self.state.view(envelope.tenant), Context.of(self.domain.name, envelope, self.now)
            )
        )
        self.answer = msgspec.structs.asdict(decision.body) if isinstance(decision, Answer) else None
        if isinstance(decision, Refusal):
            return decision
        events = decision.events if isinstance(decision, Answer) else decision
        happened = []
        for number, given in enumerate(events):
            event, owner = tenant_of(given, envelope)
            self.happen(event, envelope, owner, number)
            happened.append(event)
        if isinstance(decision, Answer):
            self._loaded(lambda: keep(decision.private, self.state.view(envelope.tenant), self.now))
        return happened

    def happen(self, event: Event, envelope: Envelope | None = None, tenant: UUID | None = None, number: int = 0) -> None:
        """Let an event be projected, a command's or one that a test makes up."""
        cause = envelope or first(event, tenant=self.tenant)
        caused = cause.caused(event, id=derived_id(cause.id, f"event {number}"), time=self.now, tenant=tenant or cause.tenant)
        self._loaded(lambda: project(self.domain.writes[type(event)], event, caused, self.state.view(caused.tenant)))

    def hear(self, event: Event) -> list[Event]:
        """Let an event of any domain be learned and reacted to; answers what follows from it."""
        self.now += timedelta(seconds=1)
        envelope = msgspec.structs.replace(first(event, tenant=self.tenant), time=self.now)
        heard = ears_of(self.domain.reacts).of(envelope.type)
        for fold in (one for one in heard if isinstance(one, Fold)):
            self._loaded(lambda fold=fold: change(fold.write, event, envelope, self.state.view(self.tenant)))
        made = (one.make(event, envelope) for one in heard if isinstance(one, Reaction))
        return [followed for commands in made for command in commands for followed in self.do(command)]

    def row(self, table: Table[Any], *key: Any, tenant: UUID | None = None) -> Any:
        """A row as the events left it."""
        return self._loaded(lambda: self.state.view(tenant or self.tenant).get(table, *key))

    def _loaded(self, work: Any) -> Any:
        while True:
            mark = self.state.mark()
            try:
                return work()
            except Missing as missing:
                self.state.rollback(mark)
                for table, columns, key in missing.wants:
                    self.state._take(table, columns, [key], [])


def formerly(domain: Domain, copy: str, event: Event) -> list[Command]:
    """What an earlier release asked of itself to learn this event."""
    (fold,) = [one for one in domain.reacts if one.name == copy]
    assert isinstance(fold, Fold) and fold.formerly is not None
    return list(fold.formerly(event, first(event)))


def kinds(events: Any) -> list[str]:
    """The class names of events, for short assertions."""
    assert not isinstance(events, Refusal), events
    return [type(event).__name__ for event in events]


def refused(decision: Any) -> str:
    """The code of a refusal."""
    assert isinstance(decision, Refusal), decision
    return decision.problem.code
