"""Commands that could not be handled: listed for a person, and given another try once the cause is gone."""

import json
from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg
import msgspec

from consumers.runtime.store import Store
from contracts.envelope import Envelope, acting_node
from contracts.message import Command, Report, decode


class NotRedriven(Exception):
    """The command does not wait, or cannot be read as a command of this release."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits for a person; `state` is reopened when it was published again and is not decided yet."""

    domain: str
    tenant_id: UUID
    id: UUID
    type: str
    reason: str
    decided_at: datetime
    state: str


class Publish(Protocol):
    """producers.publisher.Publisher.publish."""

    def __call__(self, message: Command, envelope: Envelope, *, scope: UUID | str | None = None) -> Awaitable[int]: ...


async def listing(conn: asyncpg.Connection, domain: str, limit: int = 100) -> list[Quarantined]:
    """The domain's waiting commands over all tenants, the oldest first; `conn` is the domain's."""
    store = Store(conn, domain)
    async with store.transaction(None):
        return [Quarantined(domain=domain, **dict(row)) for row in await conn.fetch(store.q.quarantined, limit)]


async def redrive(conn: asyncpg.Connection, domain: str, publish: Publish, tenant: UUID, id: UUID) -> Envelope:
    """Reopen the command's operation and publish it again under its own id; nobody is told of its outcome but the operation.

    Raises NotRedriven with nothing changed, or what `publish` raises: then it may be driven again.
    """
    store = Store(conn, domain)
    # Committed before it is published: the consumer must not find the operation closed.
    async with store.transaction({tenant}):
        row = await conn.fetchrow(store.q.reopen, tenant, id)
        if row is None:
            raise NotRedriven(f"{domain} has no command {id} of tenant {tenant} in quarantine")
        envelope, command = _read(row["headers"], row["body"])
    scope = acting_node(envelope.actor) if isinstance(command, Report) else tenant
    await publish(command, envelope, scope=scope)
    return envelope


def _read(headers: str, body: str) -> tuple[Envelope, Command]:
    try:
        envelope = Envelope.read(json.loads(headers))
        command = decode(envelope.type, body)
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise NotRedriven(f"this release cannot read the command ({type(error).__name__}: {error}); send a corrected one") from error
    if not isinstance(command, Command):
        raise NotRedriven(f"{envelope.type} is not a command; what failed was a domain's reaction to this event")
    return msgspec.structs.replace(envelope, reply=""), command
