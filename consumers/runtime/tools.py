"""What effects may use: the publisher, object storage, and reading their own domain's rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any, Protocol, TypeVar
from uuid import UUID

import asyncpg

from adapters.object_store import ObjectStore
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.pool import Pool
from contracts.envelope import Envelope
from contracts.message import Message

T = TypeVar("T")


class Ask(Protocol):
    """Run one reading statement."""

    async def __call__(self, statement: str, *parameters: Any) -> list[asyncpg.Record]: ...


class Publishes(Protocol):
    """The part of producers.publisher that effects need; the runtime is handed one."""

    async def publish(self, message: Message, envelope: Envelope, *, scope: UUID | str | None = None) -> int: ...

    async def publish_all(self, kind: type[Message], messages: Iterable[tuple[bytes, Envelope, UUID | str | None]]) -> None: ...


class Tools:
    """One domain's tools."""

    def __init__(self, publisher: Publishes, objects: ObjectStore, pool: Pool) -> None:
        self.publisher, self.objects, self._pool = publisher, objects, pool
        self._readers: Any = nullcontext()
        self._kept: dict[Callable[[], Any], Any] = {}

    def bounded(self, most: int) -> "Tools":
        """The same tools for those who may read over so many connections at once; what is kept is kept for both."""
        other = Tools(self.publisher, self.objects, self._pool)
        other._readers, other._kept = asyncio.Semaphore(most), self._kept
        return other

    def keep(self, make: Callable[[], T]) -> T:
        """What effects remember from one to the next: made when it is first asked for, and forgotten with the process."""
        if make not in self._kept:
            self._kept[make] = make()
        kept: T = self._kept[make]
        return kept

    @asynccontextmanager
    async def reading(self, *tenants: UUID) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that sees these tenants' rows of the domain."""
        async with self._readers, self._pool.acquire(timeout=POOL_WAIT) as conn, conn.transaction(readonly=True):
            await conn.execute("select set_config('app.tenants', $1, true)", ",".join(map(str, tenants)))
            yield conn

    @asynccontextmanager
    async def asking(self, *tenants: UUID) -> AsyncIterator[Ask]:
        """The same, begun by the first question: for those who mostly have none."""
        async with AsyncExitStack() as stack:
            conn: Any = None

            async def ask(statement: str, *parameters: Any) -> list[asyncpg.Record]:
                nonlocal conn
                if conn is None:
                    conn = await stack.enter_async_context(self.reading(*tenants))
                return list(await conn.fetch(statement, *parameters))

            yield ask
