"""Commands that could not be handled: found in every domain's inbox, and sent once more."""

from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from adapters.nats import connect
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from cli.errors import Mistake
from consumers.log import read
from consumers.runtime.decoding import Happened
from consumers.runtime.quarantine import NotRedriven, Quarantined, listing
from consumers.runtime.quarantine import redrive as again
from contracts.domains import DOMAINS
from deploy.domains import domain_named
from producers.publisher import Publisher


async def held(conn: asyncpg.Connection) -> list[Quarantined]:
    """All of them, the oldest of each domain first."""
    return [one for domain in DOMAINS for one in await listing(conn, domain)]


async def redrive(conn: asyncpg.Connection, nats_url: str, store: ObjectStore | None, command_id: UUID) -> Quarantined:
    """Reopen a command and publish it again as it came. Raises Mistake; then it waits as before."""
    found = [one for one in await held(conn) if one.id == command_id]
    if not found:
        raise Mistake(
            "quarantine.not_found", f"no command {command_id} is in quarantine", "ID", "`flatrender quarantine list` shows what is."
        )
    one = found[0]

    async def event_at(position: int) -> Happened:
        return await _event_at(conn, store, position)

    # The broker is known to be there before the row changes.
    nc = await connect(settings_of(nats_url), "flatrender quarantine", within=10)
    try:
        await again(conn, domain_named(one.domain), Publisher(nc).publish, one.tenant_id, one.id, event_at)
    except NotRedriven as error:
        raise Mistake("quarantine.unreadable", str(error), "ID", "It waits as before.") from error
    finally:
        await nc.close()
    return one


async def _event_at(conn: asyncpg.Connection, store: ObjectStore | None, position: int) -> Happened:
    async for events in read(conn, position - 1, until=position, store=store):
        (found,) = events
        return Happened.of_record(found)
    raise NotRedriven(f"the log has no position {position}")


def settings_of(nats_url: str) -> Settings:
    """NATS's address with a user in it, as settings."""
    parts = urlsplit(nats_url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
    return Settings.model_validate({"nats_url": plain, "nats_user": parts.username or "", "nats_password": parts.password or ""})
