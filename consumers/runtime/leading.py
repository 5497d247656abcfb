"""Leading: of several processes one works for a domain, or numbers the log; another takes over from one that ended, froze or was cut off.

The fence is an advisory lock, held by the very connection that writes: whoever loses it cannot commit any more. What else a leader does
for its domain goes on only while it surely leads (`holds`), and its statements over other connections name its lease.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from uuid import UUID

import asyncpg

import sql
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.store import Store

log = logging.getLogger(__name__)
SPEAK = 1.0  # seconds between the moments at which a leader that had nothing to write says a word
SILENT = 5.0  # seconds without a word after which a standby ends a leader's connections
SURE = 4.0  # seconds since the last proof in which nobody can have done so
ANSWER = 5.0  # seconds that a word waits for its answer
BUDGET = 30.0  # seconds that a batch may take; the server ends its connection then (deploy.consume)
OVER_BUDGET = BUDGET + ANSWER  # seconds after which the leader itself does, should the server not be heard
LOOK = 0.25  # seconds between a standby's tries
ASK_AGAIN = 0.05  # seconds between two looks, at the soonest
NOBODY = sys.maxsize  # a lease that no process ever has
_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_q = sql.load("runtime")


def clock() -> float:
    """Seconds that go on while this process is stopped, and where the system tells, while the machine sleeps."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)


class Line:
    """The connection that a leader writes over: within `async with line` there is work on it, else it says a word each second.

    `shared` is for several tasks that work over it by turns.
    """

    def __init__(self, conn: asyncpg.Connection, proved: float, *, shared: bool = False) -> None:
        self.conn = conn
        self.proved = proved  # a moment after which the server surely heard it
        self._since = 0.0  # when the work under way began
        self._word: asyncio.Future[None] | None = None
        self._turn = asyncio.Lock() if shared else None

    async def __aenter__(self) -> None:
        if self._turn is not None:
            await self._turn.acquire()
        self._since = clock()  # before the pause: no further word begins
        if self._word is not None:  # seldom, and over in a moment: a statement cannot begin within another one
            try:
                await asyncio.shield(self._word)
            except BaseException:
                self._end()
                raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.proved = self._since
        self._end()

    def _end(self) -> None:
        self._since = 0.0
        if self._turn is not None:
            self._turn.release()

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken the lock since it was proved last."""
        return not self.conn.is_closed() and clock() - self.proved < SURE

    async def sure(self) -> None:
        """Return when it surely leads still. Raises ConnectionError when the connection is gone."""
        while not self.is_sure:
            if self.conn.is_closed():
                raise ConnectionError("the connection to PostgreSQL was lost")
            await asyncio.sleep(ASK_AGAIN)

    async def still(self) -> None:
        """At the end of work: return if it surely led all the time. Raises an error of DATABASE_AWAY when the connection is gone."""
        if (now := clock()) - self._since >= SURE:
            await self.conn.execute("select 1")
            self._since = now

    async def speak(self) -> None:
        """Say a word each second in which there is no work, until cancelled; a connection that does not answer is dropped."""
        while not self.conn.is_closed():
            await asyncio.sleep(SPEAK - clock() % SPEAK)  # all leaders of a process in the same moment: it wakes once
            if self._since:
                if clock() - self._since > OVER_BUDGET:
                    self._drop(f"work on it is not done after {OVER_BUDGET:.0f} s")
            elif clock() - self.proved >= SPEAK / 2:
                await self._say()

    async def _say(self) -> None:
        said, loop = clock(), asyncio.get_running_loop()
        word = self._word = loop.create_future()
        # Not cancelled when it takes too long: asyncpg waits for ever for the word that a statement on a lost connection was cancelled.
        late = loop.call_later(ANSWER, self._drop, f"the server has not answered for {ANSWER:.0f} s")
        try:
            await self.conn.execute("select 1")
            self.proved = said
        except (asyncpg.PostgresError, *DATABASE_AWAY) as error:
            self._drop(str(error))
        finally:
            late.cancel()
            self._word = None
            word.set_result(None)

    def _drop(self, why: str) -> None:
        if not self.conn.is_closed():
            log.warning("the connection of a leader is dropped: %s", why)
            self.conn.terminate()


class LeaderStore(Store):
    """A domain's schema over the line of its leader."""

    def __init__(self, line: Line, domain: str) -> None:
        super().__init__(line.conn, domain)
        self._line = line

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[UUID] | None) -> AsyncIterator[None]:
        """A transaction; raises an error of DATABASE_AWAY after one that is committed when another process may lead by now."""
        async with self._line:
            async with super().transaction(tenants):
                yield
            await self._line.still()


class Leading:
    """One process's part in who leads. `raise_lease` is the statement that raises the lease once the lock is taken; the log has none, as it
    does all over its one connection."""

    def __init__(self, name: str, key: int, connect: Callable[[], Awaitable[asyncpg.Connection]], raise_lease: str = "") -> None:
        self.name, self._key, self._connect, self._raise = name, key, connect, raise_lease
        self.active = asyncio.Event()  # set by whoever leads, once it works
        self.lease = 0  # 0 while this process does not lead
        self.stands_by = False  # another process holds the lock
        self._latest = 0
        self._first = NOBODY  # the lease since which no other process has led
        self._line: Line | None = None

    @classmethod
    def of_domain(cls, name: str, key: int, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> "Leading":
        """Who leads a domain."""
        return cls(name, key, connect, _q.raise_lease.replace("{schema}", name))

    @asynccontextmanager
    async def lead(self, *, shared: bool = False) -> AsyncIterator[Line]:
        """Wait for the lock, however long, and hold it within the block. Raises errors of DATABASE_AWAY."""
        conn = await self._connect()
        speaking = None
        try:
            await self._take_lock(conn)
            taken = clock()
            self._lead_from(await conn.fetchval(self._raise, timeout=ANSWER) if self._raise else 1)
            self._line = Line(conn, taken, shared=shared)
            speaking = asyncio.create_task(self._line.speak())
            yield self._line
        finally:
            self.active.clear()
            self.lease, self._line = 0, None
            # Not closed politely: asyncpg waits for ever for a connection that was lost in the middle of a statement.
            conn.terminate()
            if speaking is not None:
                speaking.cancel()

    @property
    def begins(self) -> bool:
        """Whether somebody else led before: what this process began earlier is over."""
        return self.lease == self._first

    @property
    def is_sure(self) -> bool:
        """Whether it leads now, and nobody else can."""
        return self._line is not None and self._line.is_sure

    async def holds(self, lease: int) -> bool:
        """Whether what was begun under a lease may go on: nobody else has led since. Waits while that cannot be known."""
        while lease >= self._first:
            if self.is_sure:
                return True
            await asyncio.sleep(ASK_AGAIN)
        return False

    def _lead_from(self, lease: int) -> None:
        if self._first == NOBODY or lease != self._latest + 1:
            self._first = lease
        self.lease = self._latest = lease

    async def _take_lock(self, conn: asyncpg.Connection) -> None:
        look = 0.0
        while not await conn.fetchval(_q.try_lock, self._key, timeout=ANSWER):
            self.stands_by, self._first = True, NOBODY  # as far as can be known it is another process that leads now
            if clock() >= look:
                look = clock() + await self._end_silent(conn)
            await asyncio.sleep(max(0.0, min(LOOK, look - clock())))
        self.stands_by = False

    async def _end_silent(self, conn: asyncpg.Connection) -> float:
        """End a holder that is silent; answers after how many seconds to look again: it cannot be silent before."""
        row = await conn.fetchrow(_q.end_silent, self._key, SILENT, OVER_BUDGET, timeout=ANSWER)
        if row is None or row["remaining"] is None:  # it ended just now; or it has another role, which is not ours to judge
            return LOOK
        if row["ended"]:
            log.warning("%s: the leader was silent for %.1f s; %d of its connections were ended", self.name, SILENT, row["ended"])
            return 0.0
        return max(ASK_AGAIN, min(SILENT, float(row["remaining"])))
