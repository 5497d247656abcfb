"""What effects may use: the publisher, object storage, reading their own domain's rows, and what their domain adds (its `tools`)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self
from uuid import UUID

import asyncpg

from adapters.object_store import ObjectStore
from consumers.runtime.connection import POOL_WAIT
from consumers.runtime.pool import Pool
from contracts.envelope import Envelope
from contracts.message import Message

if TYPE_CHECKING:
    from adapters.settings import Settings


class Ask(Protocol):
    """Run one reading statement."""

    async def __call__(self, statement: str, *parameters: Any) -> list[asyncpg.Record]: ...


class Publishes(Protocol):
    """The part of producers.publisher that effects need; the runtime is handed one."""

    async def publish(self, message: Message, envelope: Envelope, *, scope: UUID | str | None = None) -> int: ...

    async def publish_all(self, kind: type[Message], messages: Iterable[tuple[bytes, Envelope, UUID | str | None]]) -> None: ...


class Given(NamedTuple):
    """Of what a process makes a domain's tools."""

    settings: "Settings"
    publisher: Publishes
    objects: ObjectStore
    pool: Pool  # connections of the domain's role


class Tools:
    """One domain's tools. A domain whose effects need more has a class under this one, and says in `tools` how it is made and closed."""

    def __init__(self, publisher: Publishes, objects: ObjectStore, pool: Pool) -> None:
        self.publisher, self.objects, self._pool = publisher, objects, pool
        self._readers: Any = nullcontext()

    def bounded(self, most: int) -> Self:
        """The same tools for those who may read over so many connections at once; all else is shared."""
        other = copy(self)
        other._readers = asyncio.Semaphore(most)
        return other

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


Compose = Callable[[Given], AbstractAsyncContextManager[Tools]]


@asynccontextmanager
async def plain(given: Given) -> AsyncIterator[Tools]:
    """The tools of a domain that needs no others."""
    yield Tools(given.publisher, given.objects, given.pool)
