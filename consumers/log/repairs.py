"""What a person does about an alarm of the log: looks, lets an outbox go on, raises the epoch. Over an administrator's connection."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.log.log_reader import run_of
from contracts.runs import CHAINED

q = sql.load("log")
How = Literal["new", "copy"]


class Alarm(msgspec.Struct, frozen=True):
    """What waits for a person."""

    name: str
    detail: str
    remedy: str
    since: datetime


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """The event at which an outbox waits, and the one that the log has under its id."""

    id: UUID
    type: str
    tenant_id: UUID
    time: datetime
    body: str
    position: int
    logged_type: str
    logged_tenant_id: UUID
    logged_time: datetime
    logged_body: str


class NotReleased(Exception):
    """The outbox does not wait for this, or the event is not what it was said to be."""


async def alarms(conn: asyncpg.Connection) -> list[Alarm]:
    """What waits for a person, the oldest first; nothing in a database that is not brought to this release yet."""
    try:
        return [Alarm(**dict(row)) for row in await conn.fetch(q.alarms)]
    except asyncpg.UndefinedTableError:
        return []


async def repeated(conn: asyncpg.Connection, domain: str, store: ObjectStore | None = None) -> Repeated | None:
    """The oldest event of an outbox, if the log has its id already, be it in an archive. Raises LogDamaged, StoreError."""
    found = await conn.fetchrow(q.look.replace("{schema}", domain), 1)
    logged = await _logged(conn, found["event_id"], store) if found else None
    if found is None or logged is None:
        return None
    return Repeated(
        id=found["event_id"],
        **{name: found[name] for name in ("type", "tenant_id", "time", "body")},
        position=logged["position"],
        **{f"logged_{name}": logged[name] for name in ("type", "tenant_id", "time", "body")},
    )


async def _logged(conn: asyncpg.Connection, event_id: UUID, store: ObjectStore | None) -> dict[str, Any] | None:
    if row := await conn.fetchrow(q.of_event, event_id):
        return dict(row)
    for run in await conn.fetch(q.archive_of, event_id):
        for event in await run_of(run, store):
            if event.event_id == event_id:
                return msgspec.structs.asdict(event)
    return None


async def release(conn: asyncpg.Connection, domain: str, event_id: UUID, how: How, store: ObjectStore | None = None) -> None:
    """Let an outbox go on: `new` gives its oldest event an id of its own, `copy` removes it as the very event that the log has.

    Raises NotReleased, with nothing changed, where another event is the oldest or it is no copy: no fact is ever dropped.
    """
    if how == "new":
        done = await conn.execute(q.replace_id.replace("{schema}", domain), event_id)
    else:
        logged = await _logged(conn, event_id, store)
        columns = [] if logged is None else [logged[name] for name in CHAINED if name != "traceparent"]
        done = await conn.execute(q.remove_copy.replace("{schema}", domain), *columns) if columns else ""
    if not done.endswith(" 1"):
        raise NotReleased(
            f"event {event_id} is not the oldest of {domain}'s outbox any more"
            if how == "new"
            else f"event {event_id} differs from the one that the log has: it is another fact, which must not be dropped"
        )


async def raise_epoch(conn: asyncpg.Connection) -> tuple[int, int]:
    """Declare that the log was restored; answers the new epoch and the position up to which earlier ones share it."""
    row = await conn.fetchrow(q.raise_epoch)
    return row["epoch"], row["published"]


async def epoch_of(conn: asyncpg.Connection) -> int:
    """How often the log was restored; 0 in a database that is not brought to this release yet."""
    try:
        return int((await conn.fetchrow(q.window))["epoch"])
    except asyncpg.UndefinedTableError:
        return 0
