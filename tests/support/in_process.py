"""Domains in this process over a real PostgreSQL, without a broker: commands go through Batch, events through reactions."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from consumers.log.append import Appender
from consumers.log.sequencer import keep_published
from consumers.runtime.batch import Batch
from consumers.runtime.catching_up import Taken
from consumers.runtime.clock import Clock, utc_now
from consumers.runtime.decoding import Happened, reactions
from consumers.runtime.domain import Domain
from consumers.runtime.folding import Folded
from consumers.runtime.item import Item
from consumers.runtime.reactions import CURSOR, Fold, Reaction, ears_of
from consumers.runtime.settling import Settler
from consumers.runtime.store import Store
from contracts.envelope import Envelope, first
from contracts.identity.tenants import CreateTenant
from contracts.message import Command, Event, encode
from contracts.outcome import Outcome
from deploy.domains import all_domains
from tests.support.password import PASSWORD

MOST = 500  # commands in a batch, as in the runtime


class InProcessDomains:
    """All domains, each with a connection of its own role; use `async with`. `dsn` is the superuser's, of a migrated database."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.domains: dict[str, Domain] = {domain.name: domain for domain in all_domains()}
        self.stores: dict[str, Store] = {}
        self.clock: Clock = utc_now  # by which decisions are made
        self._unheard: list[tuple[Envelope, Event]] = []
        self.events: list[tuple[Envelope, Event]] = []

    async def __aenter__(self) -> "InProcessDomains":
        self.admin = await asyncpg.connect(self.dsn)
        for name in self.domains:
            conn = await asyncpg.connect(self.dsn, user=f"{name}_app", password=PASSWORD, server_settings={"timezone": "UTC"})
            store = self.stores[name] = Store(conn, name)
            reacts = self.domains[name].reacts
            zeros, folds = [0] * len(reacts), [isinstance(one, Fold) for one in reacts]
            await conn.execute(store.q.begin_ids, 0)
            await conn.execute(store.q.begin_cursors, [CURSOR + one.name for one in reacts], zeros, zeros, zeros, folds)
        self._log = await asyncpg.connect(self.dsn, user="log_app", password=PASSWORD)
        await self._log.execute("set app.tenants = '*'")
        self._appender = Appender(self._log)
        await self._appender.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        for conn in (self.admin, self._log, *(store.conn for store in self.stores.values())):
            await conn.close()

    async def decide(self, domain: str, items: list[Item], cursor: int = 0, folded: Sequence[Folded] = ()) -> list[Outcome | None]:
        """One batch, which moves all cursors of its domain if told to; what happened is remembered for `react`."""
        moves = {CURSOR + one.name: cursor for one in self.domains[domain].reacts} if cursor else {}
        await Batch(self.domains[domain], self.stores[domain], items, moves, folded, self.clock()).commit()
        for item in items:
            for envelope, event, _, _ in item.events:
                self.events.append((envelope, event))
                self._unheard.append((envelope, event))
        return [item.outcome for item in items]

    async def send_all(self, commands: Iterable[tuple[Command, UUID]], *, actor: str = "key:test") -> list[Any]:
        """Decide commands, each of a tenant, in batches by domain in the order given; answers their bodies. Raises Refused."""
        items = [item_of(command, tenant, actor=actor) for command, tenant in commands]
        groups: dict[str, list[Item]] = {}
        for item in items:
            groups.setdefault(item.envelope.type.split(".")[1], []).append(item)
        for domain, group in groups.items():
            for start in range(0, len(group), MOST):
                await self.decide(domain, group[start : start + MOST])
        return [body_of(item.outcome) for item in items]

    async def send(self, command: Command, tenant: UUID, *, actor: str = "key:test") -> Any:
        """Decide one command; answers its body. Raises Refused."""
        return (await self.send_all([(command, tenant)], actor=actor))[0]

    async def react(self) -> None:
        """Let every domain react to what happened, as the log has it, until nothing follows any more."""
        while self._unheard:
            heard, self._unheard = self._unheard, []
            head = await self.sequence()
            ids = [envelope.id for envelope, _ in heard]
            found = await self.admin.fetch("select event_id, position from log.events where event_id = any ($1)", ids)
            positions = {row["event_id"]: row["position"] for row in found}
            told = [Happened(positions[envelope.id], envelope, encode(event)) for envelope, event in heard]
            for name, domain in self.domains.items():
                taken = self.taken(domain, sorted(told, key=lambda one: one.position))
                await self.decide(name, [], head, taken.folded)
                for start in range(0, len(taken.items), MOST):
                    for outcome in await self.decide(name, taken.items[start : start + MOST]):
                        body_of(outcome)

    def taken(self, domain: Domain, told: Iterable[Happened]) -> Taken:
        """What a domain makes of some events."""

        async def nobody(batch: Batch) -> None: ...

        settler = Settler(domain, nobody, lambda: None)
        taken = Taken(domain, ears_of(domain.reacts), settler)
        for one in told:
            taken.hear(one, {reaction.name for reaction in domain.reacts})
        assert not settler.stuck, settler.stuck
        return taken

    async def sequence(self) -> int:
        """Move all outboxes into the log; answers its last position."""
        while await self._appender.append():
            pass
        await self._log.execute(keep_published(self._appender.position, 0))
        return self._appender.position

    async def tenant(self, name: str = "a tenant") -> UUID:
        """A new tenant."""
        tenant = uuid4()
        await self.send(CreateTenant(name=name), tenant)
        return tenant


def reacted(domain: Domain, envelope: Envelope, event: Event, position: int = 0) -> list[Item]:
    """The commands that all of a domain's reactions make of an event."""
    happened = Happened(position, envelope, encode(event))
    heard = [one for one in ears_of(domain.reacts).of(envelope.type) if isinstance(one, Reaction)]
    return [item for one in heard for item in reactions(one, happened)]


class Refused(Exception):
    """A command of a test was not carried out."""


def item_of(command: Command, tenant: UUID, *, actor: str = "key:test", **changes: Any) -> Item:
    """A command as a batch takes it; `changes` go into its envelope."""
    envelope = msgspec.structs.replace(first(command, tenant=tenant, actor=actor), **changes)
    return Item(envelope=envelope, command=command, body=encode(command))


def body_of(outcome: Outcome | None) -> Any:
    """What a done command answered. Raises Refused for any other end."""
    if outcome is None or outcome.state != "done":
        raise Refused(outcome)
    return msgspec.json.decode(outcome.body) if bytes(outcome.body) else None
