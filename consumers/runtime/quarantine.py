"""What could not be handled: listed for a person, and given another try once the cause is gone."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import asyncpg
import msgspec

from consumers.runtime.decoding import Happened, reactions
from consumers.runtime.domain import Domain
from consumers.runtime.item import POSITION, REACTION
from consumers.runtime.reactions import Ears, Fold, Reaction, ears_of
from consumers.runtime.store import Store
from contracts.actors import acting_node
from contracts.envelope import Envelope
from contracts.message import Command, Event, Report, decode, type_of

MOST = 1000
EventAt = Callable[[int], Awaitable[Happened]]
"""The log's event at a position, in archives too."""


class NotRedriven(Exception):
    """The command does not wait, or cannot be read as a command of this release."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits for a person; `state` is reopened when it was published again and is not decided yet.

    `position` is that of the event, where it is a domain's reaction that failed; `reaction` is its name, empty of an earlier release's.
    """

    domain: str
    tenant_id: UUID
    id: UUID
    type: str
    reason: str
    decided_at: datetime
    state: Literal["quarantined", "reopened"]
    position: int
    reaction: str


class Publish(Protocol):
    """producers.publisher.Publisher.publish."""

    def __call__(self, message: Command, envelope: Envelope, *, scope: UUID | str | None = None) -> Awaitable[int]: ...


async def listing(conn: asyncpg.Connection, domain: str, limit: int = MOST) -> list[Quarantined]:
    """The domain's waiting commands over all tenants, the oldest first; `conn` is the domain's or a superuser's."""
    store = Store(conn, domain)
    async with store.transaction(None):
        return [Quarantined(domain=domain, **dict(row)) for row in await conn.fetch(store.q.quarantined, limit)]


async def redrive(conn: asyncpg.Connection, domain: Domain, publish: Publish, tenant: UUID, id: UUID, event_at: EventAt) -> Envelope:
    """Reopen the command's operation and publish it again under its own id; nobody is told of its outcome but the operation.

    Of a reaction that failed, what it makes of its event now is published. Raises NotRedriven with nothing changed, or what `publish` and
    `event_at` raise: then it may be driven again.
    """
    store = Store(conn, domain.name)
    # Committed before it is published: the consumer must not find the operation closed.
    async with store.transaction({tenant}):
        row = await conn.fetchrow(store.q.reopen, tenant, id)
        if row is None:
            raise NotRedriven(f"{domain.name} has no command {id} of tenant {tenant} in quarantine")
        headers = json.loads(row["headers"]) if row["headers"] else None
        if headers is None:
            raise NotRedriven("nothing of this command could be stored but why it is here; whoever sent it has to send it anew")
        envelope, message = _read(headers, row["body"])
    if isinstance(message, Event):
        async with store.transaction({tenant}):
            former = await conn.fetchval(store.q.former_ids)
        happened = await event_at(int(headers[POSITION]))
        # While no leader of this release has begun, all ids are the former ones.
        await _react_again(domain, publish, happened, headers.get(REACTION, ""), happened.position if former is None else former)
        async with store.transaction({tenant}):
            await conn.execute(store.q.close_quarantined, tenant, id)
    else:
        scope = acting_node(envelope.actor) if isinstance(message, Report) else envelope.tenant
        await publish(message, msgspec.structs.replace(envelope, reply=""), scope=scope)
    return envelope


async def _react_again(domain: Domain, publish: Publish, happened: Happened, name: str, former: int) -> None:
    """Publish what the reaction makes of its event; the inbox knows what it had made before."""
    try:
        who = _who(ears_of(domain.reacts), happened.envelope.type, name)
        items = [item for one in who for item in reactions(one, happened, former=former)]
    except Exception as error:  # whatever it was, it is the reaction's fault once more
        raise NotRedriven(f"the reaction fails as before: {type(error).__name__}: {error}") from error
    for item in items:
        assert item.command is not None
        await publish(item.command, item.envelope, scope=item.envelope.tenant)


def _who(ears: Ears, kind: str, name: str) -> list[Reaction]:
    """The reaction of this name; of an earlier release, which named none, all that hear the event, as they were then."""
    if name:
        return [one for one in ears.of(kind) if isinstance(one, Reaction) and one.name == name]
    before = [
        Reaction(name=one.name, on=one.on, make=one.formerly, history="act", unnamed=True)
        for one in ears.of(kind)
        if isinstance(one, Fold) and one.formerly is not None
    ]
    return before + [one for one in ears.of(kind) if isinstance(one, Reaction) and one.unnamed]


def _read(headers: dict[str, Any], body: str) -> tuple[Envelope, Command | Event]:
    try:
        envelope = Envelope.read(headers)
        message = decode(envelope.type, body)
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise NotRedriven(f"this release cannot read the command ({type(error).__name__}: {error}); send a corrected one") from error
    if isinstance(message, Event) and POSITION not in headers:
        raise NotRedriven(f"{envelope.type} is an event, and at which position an earlier release did not note")
    if not isinstance(message, Command | Event):
        raise NotRedriven(f"{envelope.type} is not a command")
    return msgspec.structs.replace(envelope, type=type_of(message).full_name), message  # the newest version of what was kept
