"""Commands that could not be handled: found in every domain's inbox, and sent once more."""

from datetime import datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.nats import connect
from adapters.settings import Settings
from cli.errors import Mistake
from contracts.audit import DOMAINS
from contracts.envelope import Envelope, acting_node
from contracts.message import Command, Report, decode
from producers.publisher import Publisher

MOST = 1000
_q = sql.load("runtime")


class Held(msgspec.Struct, frozen=True):
    """A command that waits for a person."""

    domain: str
    tenant_id: UUID
    id: UUID
    type: str
    reason: str
    decided_at: datetime


async def held(conn: asyncpg.Connection) -> list[Held]:
    """All of them, the oldest of each domain first."""
    return [
        Held(domain, row["tenant_id"], row["id"], row["type"], row["reason"], row["decided_at"])
        for domain in DOMAINS
        for row in await conn.fetch(_q.quarantined.replace("{schema}", domain), MOST)
    ]


async def redrive(conn: asyncpg.Connection, nats_url: str, command_id: UUID) -> Held:
    """Reopen a command and publish it again as it came. Raises Mistake; then it waits as before."""
    found = [one for one in await held(conn) if one.id == command_id]
    if not found:
        raise Mistake(
            "quarantine.not_found", f"no command {command_id} is in quarantine", "ID", "`flatrender quarantine list` shows what is."
        )
    one = found[0]
    # The message is known to be readable and the broker to be there before the row changes.
    row = await conn.fetchrow(
        f"select headers::text as headers, body from {one.domain}.inbox where tenant_id = $1 and id = $2", one.tenant_id, one.id
    )
    message, envelope, scope = _message(one, row)
    nc = await connect(settings_of(nats_url), "flatrender quarantine", within=10)
    try:
        await conn.fetchrow(_q.reopen.replace("{schema}", one.domain), one.tenant_id, one.id)
        try:
            await Publisher(nc).publish(message, envelope, scope=scope)
        except BaseException:
            back = f"update {one.domain}.inbox set state = 'quarantined' where tenant_id = $1 and id = $2 and state = 'reopened'"
            await conn.execute(back, one.tenant_id, one.id)
            raise
    finally:
        await nc.close()
    return one


def _message(one: Held, row: asyncpg.Record) -> tuple[Command, Envelope, str | None]:
    try:
        envelope = Envelope.read(msgspec.json.decode(row["headers"], type=dict[str, str]))
        message = decode(envelope.type, row["body"])
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        detail = f"this release cannot read the command: {error!r}"
        raise Mistake("quarantine.unreadable", detail, "ID", "Try again with a release that knows this type of message.") from error
    assert isinstance(message, Command), "only commands have inbox rows"
    return message, envelope, acting_node(envelope.actor) if isinstance(message, Report) else None


def settings_of(nats_url: str) -> Settings:
    """NATS's address with a user in it, as settings."""
    parts = urlsplit(nats_url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
    return Settings.model_validate({"nats_url": plain, "nats_user": parts.username or "", "nats_password": parts.password or ""})
