"""The fast form: two looks, ten seconds apart where the first finds something, and only what both find counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import msgspec

import sql
from adapters.nats import Connection, StreamError, connect
from adapters.object_store import ObjectStore, StoreError
from adapters.settings import Settings
from consumers.log import LogDamaged
from consumers.runtime.connection import DATABASE_AWAY, notice_cuts
from consumers.runtime.domain import Domain
from deploy.check import commands, cursors, effects, log, objects, outboxes, rows, timers, window
from deploy.check.bounds import Bounds
from deploy.check.differences import Counts, Difference, Report
from deploy.check.look import Head, Kept, Look
from deploy.check.progress import kept, write
from deploy.check.stretch import known, stretch
from deploy.domains import all_domains
from deploy.replay import spans

ROLE, PG_ROLE = "check", "check_app"
SESSION = {
    "timezone": "UTC",
    "application_name": "flatrender check",
    "default_transaction_read_only": "on",
    # Whatever a look meets, it holds nobody up: no statement for long, no lock waited for, no snapshot kept by a process that froze.
    "statement_timeout": "60s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "120s",
}
Compare = Callable[[Look], Awaitable[list[Difference]]]
COMPARISONS: tuple[Compare, ...] = (
    log.chain,
    log.head,
    log.alarms,
    window.agrees,
    log.archives,
    rows.touched,
    rows.tenants,
    commands.have_their_events,
    commands.have_decided,
    cursors.find,
    outboxes.find,
    effects.find,
    timers.find,
    objects.find,
)
BOUNDS = Bounds()
_q = sql.load("check")


class NotLooked(Exception):
    """The check could not look: something that it compares is away or cannot be read."""


class Place(msgspec.Struct, frozen=True):
    """What a check looks at."""

    conn: asyncpg.Connection
    nc: Connection
    store: ObjectStore


@asynccontextmanager
async def place(settings: Settings) -> AsyncIterator[Place]:
    """Connections of the check's own roles. Raises NotLooked."""
    try:
        conn = await asyncpg.connect(
            settings.pg_dsn, user=PG_ROLE, password=settings.pg_password_of(PG_ROLE), server_settings=SESSION, timeout=10
        )
    except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
        raise NotLooked(f"PostgreSQL cannot be asked: {error}") from error
    try:
        notice_cuts(conn)
        async with _broker(settings) as nc, _store(settings) as store:
            yield Place(conn, nc, store)
    finally:
        conn.terminate()


@asynccontextmanager
async def _broker(settings: Settings) -> AsyncIterator[Connection]:
    try:
        nc = await connect(settings.as_nats(ROLE), "flatrender check", within=10)
    except StreamError as error:
        raise NotLooked(f"NATS cannot be asked: {error}") from error
    try:
        yield nc
    finally:
        await nc.close()


def _store(settings: Settings) -> ObjectStore:
    return ObjectStore(settings.s3_url, settings.s3_bucket, settings.s3_access_key, settings.s3_secret_key.get_secret_value())


async def check(at: Place, *, bounds: Bounds = BOUNDS, keep: bool = True) -> Report:
    """Look, and look again; what was found and how far was looked is kept. Raises NotLooked."""
    began = time.monotonic()
    with said():
        before = await kept(at.conn)
        first, differences = await _look(at, before, bounds)
        last = first
        if differences:
            await asyncio.sleep(bounds.apart)
            last, again = await _look(at, msgspec.structs.replace(before, published=max(before.published, first.head.published)), bounds)
            still = {one.identity for one in differences}
            differences = [one for one in again if one.identity in still]
        if keep:
            await write(at.conn, last, differences)
    return Report(
        differences=tuple(differences),
        counts=last.counts,
        position=last.last,
        since=last.stretch.since,
        skipped=max(0, last.stretch.since - before.position),
        unsure=tuple(last.unsure),
        seconds=time.monotonic() - began,
    )


async def _look(at: Place, before: Kept, bounds: Bounds) -> tuple[Look, list[Difference]]:
    """One look: NATS first, then one snapshot of the database, and the store."""
    seen = await window.seen(at.nc, 0 if bounds.whole else before.position, bounds.messages)
    async with at.conn.transaction(isolation="repeatable_read", readonly=True):
        await at.conn.execute("set local app.tenants = '*'")
        look = await _begun(at, before, bounds, seen)
        found: dict[tuple[str, str], Difference] = {}
        for compare in COMPARISONS:
            for one in await compare(look):
                found.setdefault(one.known, one)  # what is found first says more than what follows from it
    return look, list(found.values())


async def _begun(at: Place, before: Kept, bounds: Bounds, seen: window.Seen) -> Look:
    domains = all_domains()
    await _require_columns(at.conn, domains)
    head = Head(**dict(await at.conn.fetchrow(_q.head)))
    # A log that is shorter than it was is looked at from its beginning: the comparison of the chain tells what is wrong.
    compared = 0 if bounds.whole or before.position > head.position else before.position
    since = max(compared, head.position - bounds.events, head.first - 1)
    of = await stretch(at.conn, since, head.position, before.hash if since == before.position else "")
    folded = await spans(at.conn, domains)
    ready, unknown = known(domains, of.all, folded)
    return Look(
        conn=at.conn,
        store=at.store,
        domains=domains,
        bounds=bounds,
        kept=before,
        seen=seen,
        head=head,
        stretch=of,
        known=ready,
        spans=folded,
        unknown=unknown,
        counts=Counts(events=len(of.all)),
    )


async def _require_columns(conn: asyncpg.Connection, domains: Sequence[Domain]) -> None:
    """The tables have the columns that rows are read from: of one that lacks any, each row would be told as differing. Raises NotLooked."""
    tables = {table.name: table for domain in domains for table in domain.tables}
    for name, columns in await conn.fetch(_q.columns, list(tables)):
        if lacks := set(tables[name].fields).difference(columns):
            raise NotLooked(f"the table {name} lacks {', '.join(sorted(lacks))}; bring the database to this release (`flatrender migrate`)")


@contextmanager
def said() -> Iterator[None]:
    """Turns what keeps a check from looking into NotLooked."""
    try:
        yield
    except LogDamaged as error:
        raise NotLooked(f"the log cannot be read: {error}") from error
    except StoreError as error:
        raise NotLooked(f"object storage cannot be asked: {error}") from error
    except StreamError as error:
        raise NotLooked(f"NATS cannot be asked: {error}") from error
    except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
        raise NotLooked(f"PostgreSQL cannot be asked: {error or type(error).__name__}") from error
