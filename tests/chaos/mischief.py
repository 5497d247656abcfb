"""Mischief: all that is done to a running product besides killing it; each kind says what to await until all is well again."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Self

import asyncpg

from deploy.local.stack import Stack
from tests.chaos.columns import DATABASE_AWAY, Columns
from tests.chaos.foreign import Foreign
from tests.chaos.forger import Forger
from tests.chaos.frozen import Freezer
from tests.chaos.shared_keys import SharedKeys
from tests.chaos.tenants import Tenant
from tests.chaos.twin_stack import urls
from tests.chaos.victims import Recovered
from tests.e2e.support_http import Http
from tests.e2e.support_rogue import Rogue

MISCHIEF = {
    "consumers frozen": 2,
    "log frozen": 1,
    "column away": 2,
    "foreign messages": 2,
    "forged by a node": 2,
    "one key, two routes": 3,
}
HEAD = "select coalesce(max(position), 0) from log.events"
IDS = "select id from read.operations where tenant_id = $1 order by decided_at desc limit 50"


class Mischief:
    """Use as `async with`, before anything is killed; `pulse` returns once the product is well."""

    def __init__(self, stack: Stack, tenant: Tenant, project: str, pulse: Recovered, chance: random.Random) -> None:
        self._stack, self._tenant, self._pulse, self._random = stack, tenant, pulse, chance
        self.foreign, self._freezer = Foreign(stack, chance), Freezer(stack)
        self._columns = Columns(stack.servers.pg_admin_dsn, chance)
        self.keys = SharedKeys(urls(stack), tenant, project, chance)
        self._kinds: dict[str, Callable[[], Awaitable[Recovered | None]]] = {
            "consumers frozen": lambda: self._freeze("consumers"),
            "log frozen": lambda: self._freeze("log"),
            "column away": self._column_away,
            "foreign messages": self._scatter,
            "forged by a node": self._forge,
            "one key, two routes": self._race,
        }
        self._open = AsyncExitStack()
        self._racing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(self.foreign)
            admin = await entered.enter_async_context(Http(self._stack.url, self._stack.api_key))
            conn = await asyncpg.connect(self._stack.servers.pg_admin_dsn)
            entered.callback(conn.terminate)
            self.forger = Forger(await entered.enter_async_context(Rogue(self._stack, admin, conn, "forger")), self._random)
            self._open = entered.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._open.aclose()

    async def make(self, kind: str) -> Recovered | None:
        """Do it; what to await until all is well, or None when it could not be done now."""
        return await self._kinds[kind]()

    @property
    def figures(self) -> dict[str, int]:
        """What was done, counted."""
        counts = {f"foreign messages in {stream}": count for stream, count in sorted(self.foreign.stored.items())}
        counts |= {f"forged by a node: {kind}": count for kind, count in sorted(self.forger.sent.items())}
        return counts | {f"one key on two routes: {end}": count for end, count in sorted(self.keys.ends.items())}

    async def settle(self) -> None:
        """Until nothing of it lasts."""
        await self._freezer.settle()
        await self._columns.settle()
        await asyncio.gather(*self._racing)

    async def _freeze(self, name: str) -> Recovered | None:
        with suppress(*DATABASE_AWAY):
            async with _connected(self._stack) as conn:
                leader = await self._freezer.leader(name, conn)
                if leader is None or not self._freezer.freeze(name, leader):
                    return None
                head = await conn.fetchval(HEAD)
            return self._pulse if name == "consumers" else lambda: self._numbered(head)
        return None

    async def _numbered(self, head: int) -> None:
        """Until somebody numbers events again, those of a pulse at the latest."""
        await self._pulse()
        while True:
            with suppress(*DATABASE_AWAY):
                async with _connected(self._stack) as conn:
                    if await conn.fetchval(HEAD) > head:
                        return
            await asyncio.sleep(0.1)

    async def _column_away(self) -> Recovered | None:
        back = await self._columns.take()
        if back is None:
            return None

        async def recovered() -> None:
            await back
            await self._pulse()

        return recovered

    async def _scatter(self) -> Recovered | None:
        with suppress(*DATABASE_AWAY):
            async with _connected(self._stack) as conn:
                return self._pulse if await self.foreign.scatter(conn, self._tenant.id) else None
        return None

    async def _forge(self) -> Recovered | None:
        with suppress(*DATABASE_AWAY):
            async with _connected(self._stack) as conn:
                ids = [row["id"] for row in await conn.fetch(IDS, self._tenant.id)]
            return self._pulse if await self.forger.forge(self._tenant.id, ids) else None
        return None

    async def _race(self) -> Recovered | None:
        race = asyncio.create_task(self.keys.race())
        self._racing.add(race)
        race.add_done_callback(self._racing.discard)

        async def recovered() -> None:
            await asyncio.shield(race)

        return recovered


@asynccontextmanager
async def _connected(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn, timeout=3)
    try:
        await conn.execute("set app.tenants = '*'")
        yield conn
    finally:
        conn.terminate()
