"""What effects may use: the publisher, object storage, and reading their own domain's rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

import asyncpg

from adapters.object_store import ObjectStore
from consumers.runtime.connection import POOL_WAIT
from contracts.envelope import Envelope
from contracts.message import Message


class Publishes(Protocol):
    """The part of producers.publisher that effects need; the runtime is handed one."""

    async def publish(self, message: Message, envelope: Envelope, *, scope: UUID | str | None = None) -> int: ...


class Tools:
    """One domain's tools."""

    def __init__(self, publisher: Publishes, objects: ObjectStore, pool: asyncpg.Pool) -> None:
        self.publisher, self.objects, self._pool = publisher, objects, pool

    @asynccontextmanager
    async def reading(self, *tenants: UUID) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that sees these tenants' rows of the domain."""
        async with self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction(readonly=True):
            await conn.execute("select set_config('app.tenants', $1, true)", ",".join(map(str, tenants)))
            yield conn
