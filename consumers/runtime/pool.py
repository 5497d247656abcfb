"""One pool of connections for all domains of a process, each with its own role: opened when needed, closed when idle, bounded in all."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol

import asyncpg

from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT

log = logging.getLogger(__name__)
IDLE = 20.0  # seconds after which a connection that nobody takes is closed: longer than an idle leader's looks for effects are apart
CLOSING = 2.0  # seconds for its goodbye
Connect = Callable[[str], Awaitable[asyncpg.Connection]]


class Pool(Protocol):
    """Connections of one role; asyncpg's own pool is one too."""

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[Any]:
        """A connection within the block. Raises TimeoutError when none is free in time."""


class Connections:
    """At most `most` connections, at most `each` of a role. Whoever takes one leaves no transaction and no setting behind in it."""

    def __init__(self, connect: Connect, *, most: int, each: int) -> None:
        self._connect, self._most, self._each = connect, most, each
        self._idle: deque[tuple[str, asyncpg.Connection, float]] = deque()  # the longest idle first
        self._open: Counter[str] = Counter()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, role: str) -> Pool:
        """The pool as one role sees it."""
        return _OfRole(self, role)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return self._open.total()

    async def close(self) -> None:
        """Close what is idle; whoever still has one loses it by itself."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        while self._idle:
            self._close(*self._idle.popleft()[:2])
        await asyncio.gather(*self._closing)

    @asynccontextmanager
    async def lend(self, role: str, timeout: float | None) -> AsyncIterator[asyncpg.Connection]:
        """A connection of a role within the block. Raises TimeoutError, and what connecting raises."""
        async with asyncio.timeout(POOL_WAIT if timeout is None else timeout):
            conn = await self._take(role)
        try:
            yield conn
        except BaseException as error:
            # One that was left in the middle of a statement may not be heard of any more.
            self._give_back(role, conn, whole=not isinstance(error, (*DATABASE_AWAY, asyncio.CancelledError)))
            raise
        self._give_back(role, conn, whole=True)

    async def _take(self, role: str) -> asyncpg.Connection:
        while True:
            if (found := self._idle_of(role)) is not None:
                return found
            if self._open[role] < self._each and (self.open < self._most or self._make_room()):
                return await self._new(role)
            free = asyncio.get_running_loop().create_future()
            self._waiting.append(free)
            try:
                await free
            finally:
                with suppress(ValueError):
                    self._waiting.remove(free)

    def _idle_of(self, role: str) -> asyncpg.Connection | None:
        """The one of a role that was used last."""
        for entry in reversed(self._idle):
            if entry[0] == role:
                self._idle.remove(entry)
                if not entry[1].is_closed():
                    return entry[1]
                self._forget(role)
                return self._idle_of(role)
        return None

    def _make_room(self) -> bool:
        """Close the longest idle of any role; False without one."""
        if not self._idle:
            return False
        self._close(*self._idle.popleft()[:2])
        return True

    async def _new(self, role: str) -> asyncpg.Connection:
        self._open[role] += 1
        try:
            return await self._connect(role)
        except BaseException:
            self._forget(role)
            raise

    def _give_back(self, role: str, conn: asyncpg.Connection, *, whole: bool) -> None:
        if not whole or conn.is_closed() or conn.is_in_transaction():
            conn.terminate()
            self._forget(role)
            return
        self._idle.append((role, conn, time.monotonic()))
        self._wake()
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE, self._sweep)

    def _sweep(self) -> None:
        now = time.monotonic()
        while self._idle and now - self._idle[0][2] >= IDLE:
            self._close(*self._idle.popleft()[:2])
        left = self._idle[0][2] + IDLE - now if self._idle else None
        self._sweeping = None if left is None else asyncio.get_running_loop().call_later(left, self._sweep)

    def _close(self, role: str, conn: asyncpg.Connection) -> None:
        self._forget(role)
        closing = asyncio.create_task(_goodbye(conn))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _forget(self, role: str) -> None:
        self._open[role] -= 1
        self._wake()

    def _wake(self) -> None:
        """Let those who wait look again, in their order."""
        while self._waiting:
            if not (free := self._waiting.popleft()).done():
                free.set_result(None)


class _OfRole:
    def __init__(self, connections: Connections, role: str) -> None:
        self._connections, self._role = connections, role

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[asyncpg.Connection]:
        return self._connections.lend(self._role, timeout)


async def _goodbye(conn: asyncpg.Connection) -> None:
    try:
        await conn.close(timeout=CLOSING)
    except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
        log.debug("a connection ended before it was closed: %s", error)
        conn.terminate()
