"""Reads schema `read`: every statement in a transaction of one snapshot, for named tenants only, with the log's head beside it."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

import sql
from api_edge.errors import Refused, unavailable
from api_edge.events import FeedEvent, of_row
from contracts.positions import position_text

EVERY_TENANT = "*"
MOST = 8  # connections of one edge
_AWAY = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError,
         asyncpg.TooManyConnectionsError, asyncpg.AdminShutdownError)  # fmt: skip
# No bitmaps: they lose the order in which a page is read. No compiling: it takes longer than a page.
# A plan for all parameters: those of lists that are read from many places take longer to plan than to run.
SESSION = {
    "application_name": "flatrender edge",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    **sql.BY_KEY,
}
COMPLAIN = 10.0  # seconds between two lines in the log that something of ours keeps it from reading
log = logging.getLogger(__name__)


class Rows(msgspec.Struct, frozen=True):
    """What a statement found, and the log position that it reflects."""

    rows: list[dict[str, Any]]
    position: str  # as text


class Found(msgspec.Struct, frozen=True):
    """What is read of a tenant's log: rows of the table, or behind which place of an archived run it goes on."""

    before: int  # the last position that lies in archives alone
    position: str  # the end of the log, as text
    epoch: int
    rows: list[dict[str, Any]] = []
    pieces: list[dict[str, Any]] = []


class Head(msgspec.Struct, frozen=True):
    """The end of the log over all tenants; `shared` says for each earlier epoch up to where its events are still this log's."""

    position: int
    published: int
    epoch: int
    shared: list[int]
    seal: str


class Reader:
    """Runs the named statements of sql/read over a pool of the role edge_ro."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._complained = float("-inf")
        self.q = sql.load("read")

    @classmethod
    async def connect(cls, dsn: str, password: str) -> "Reader":
        """Open the pool. Raises OSError or PostgresError when the database is not there."""
        pool = await asyncpg.create_pool(
            dsn, user="edge_ro", password=password, min_size=1, max_size=MOST, init=_prepare, reset=_keep, timeout=5, command_timeout=10,
            server_settings=SESSION,
        )  # fmt: skip
        return cls(pool)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def select(self, name: str, tenants: str, *args: Any) -> Rows:
        """Run a named statement for a comma-separated list of tenants. Raises Refused (503) when the database is away."""
        async with self._snapshot(tenants) as (conn, begun):
            found = await conn.fetch(getattr(self.q, name), *args)
        return Rows([dict(row) for row in found], position_text(begun["epoch"], begun["position"]))

    async def keys(self) -> tuple[Sequence[asyncpg.Record], Sequence[asyncpg.Record], Head]:
        """All API keys, all tenants, and the end of the log, from which the feed goes on."""
        async with self._snapshot(EVERY_TENANT) as (conn, _):
            return (await conn.fetch(self.q.all_api_keys), await conn.fetch(self.q.all_tenants), await self._head(conn))

    async def head(self) -> Head:
        """The end of the log. Raises Refused (503) when the database is away."""
        async with self._snapshot(EVERY_TENANT) as (conn, _):
            return await self._head(conn)

    async def alarms(self) -> dict[str, str]:
        """What stops the log or a part of it until a person has looked, by its name. Raises Refused (503)."""
        async with self._snapshot("") as (conn, _):
            return {row["name"]: f"{row['detail']}. {row['remedy']}" for row in await conn.fetch(self.q.log_alarms)}

    async def events(self, behind: int, until: int) -> list[FeedEvent]:
        """The log's events of all tenants behind one position up to another, at most 500."""
        async with self._snapshot(EVERY_TENANT) as (conn, begun):
            return [of_row(row, begun["epoch"]) for row in await conn.fetch(self.q.events_of_all, behind, until)]

    async def log_of(self, tenant: UUID, behind: int, prefix: str | None, most: int) -> Found:
        """A tenant's events behind a position: where they lie in archives, as long as the next ones do, else themselves."""
        async with self._snapshot(str(tenant)) as (conn, begun):
            before = begun["first"] - 1
            position = position_text(begun["epoch"], begun["position"])
            if behind >= before:
                rows = await conn.fetch(self.q.log_of_tenant, tenant, prefix, behind, None, most)
                return Found(before, position, begun["epoch"], rows=[dict(row) for row in rows])
            if await conn.fetchval(self.q.unsorted, behind):  # the sequencer writes them anew
                raise unavailable("archive")
            rows = await conn.fetch(self.q.ranges_of_tenant, tenant, behind, before)
        return Found(before, position, begun["epoch"], pieces=[dict(row) for row in rows])

    async def checked(self) -> tuple[float | None, float | None, int]:
        """Seconds since the standing check looked, and since it looked at everything; how much differs. Raises Refused (503)."""
        async with self._snapshot("") as (conn, _):
            row = await conn.fetchrow(self.q.checked)
        return row["age"], row["whole_age"], row["differences"]

    async def _head(self, conn: Any) -> Head:
        return Head(**dict(await conn.fetchrow(self.q.log_head)))

    @asynccontextmanager
    async def _snapshot(self, tenants: str) -> AsyncIterator[tuple[Any, Any]]:
        """A connection in a transaction of one snapshot, and what `begin_read` says of it."""
        try:
            async with self._pool.acquire(timeout=5) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
                yield conn, await conn.fetchrow(self.q.begin_read, tenants)
        except asyncpg.DataError:
            raise Refused("request.parameter", "A parameter is out of its range.") from None
        except _AWAY as error:
            raise unavailable("database") from error
        except asyncpg.PostgresError as error:  # a schema, a privilege, a time of ours: no request's doing
            if monotonic() - self._complained > COMPLAIN:
                self._complained = monotonic()
                log.error("ALARM: the database cannot be read: %s: %s", type(error).__name__, error)
            raise unavailable("database") from error


async def _prepare(conn: Any) -> None:
    # JSON columns are passed on as they are; presenters that look into one decode it.
    for name in ("json", "jsonb"):
        await conn.set_type_codec(name, encoder=str, decoder=_raw, schema="pg_catalog", format="text")


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


async def _keep(_: Any) -> None:
    """Nothing to reset: everything is set for one transaction only."""
