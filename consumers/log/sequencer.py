"""The sequencer: one order over all domains' events. Only one is active; another waits and takes over."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
from nats.aio.msg import Msg

from adapters.nats import Connection, StreamError
from adapters.object_store import ObjectStore
from consumers.log import alarms
from consumers.log.alarms import Alarms
from consumers.log.append import MOST_AT_ONCE, Appender, Row
from consumers.log.partition_upkeep import PartitionUpkeep
from consumers.log.window import Window, WindowBroken, q
from consumers.runtime.connection import DATABASE_AWAY, end, until_lost
from consumers.runtime.faults import message_of
from consumers.runtime.leading import Leading, Line
from contracts.catalogue import outbox_hint_subject

log = logging.getLogger(__name__)
LOCK = 7_301_016  # the advisory lock of the active sequencer
SHORTEST_POLL, LONGEST_POLL = 0.05, 1.0  # seconds between looks at the outboxes without a hint, growing while nothing comes
RETRY_PAUSE = 0.2  # seconds
BROKEN_PAUSE = 5.0  # seconds between two tries while the database refuses the log's own statements
LOOK_EVERY = 1.0  # seconds between two looks whether EVENTS is as it was left, and between two while a person has to decide
MOST_UNPUBLISHED = 20_000  # rows that are kept in memory for publishing; beyond, appending waits


def keep_published(position: int, epoch: int) -> str:
    """The statement that writes down how far EVENTS is, as one message and a transaction of its own.

    Not synced by itself: after a crash an older number may stand there, which is on the safe side; and what a domain writes later is
    synced together with all before it, so that no cursor comes out of a crash beyond this number.
    """
    return f"begin; set local synchronous_commit = off; {q.keep_published.replace('$1', str(position)).replace('$2', str(epoch))}; commit"


class Sequencer:
    """`connect` opens a connection of the role log_app, which holds the lock; `nc` is the role log's.

    `position` is the end of the log, `published` what EVENTS holds. What is older than `days` goes to the archives in `store`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        nc: Connection,
        *,
        store: ObjectStore | None = None,
        days: float = 90,
        replicas: int = 1,
    ) -> None:
        self._nc = nc
        self._replicas = replicas
        self._keeper = PartitionUpkeep(connect, store, days)
        self._hint = asyncio.Event()
        self._unpublished: deque[list[Row]] = deque()
        self._waiting = 0
        self._look_at = 0.0
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._aligned = False  # whether EVENTS was compared with the log since the connection was last lost
        self._told = asyncio.Event()  # set when `published` is to be written to the log's head
        self.leading = Leading("the log", LOCK, connect)
        self.active = self.leading.active
        self._line: Line | None = None  # while this process leads
        self.position = 0
        self.published = 0

    async def run(self) -> None:
        """Work until cancelled; a lost database connection starts it over, and an older database is waited out with an alarm."""
        subscription = await self._nc.subscribe(outbox_hint_subject(), cb=self._hinted)
        self._nc.on_back.add(self._was_away)
        try:
            while True:
                try:
                    await self._with_connection()
                except DATABASE_AWAY as error:
                    log.warning("the log's database is away (%s); trying again", error)
                    await asyncio.sleep(RETRY_PAUSE)
                except asyncpg.PostgresError as error:  # a privilege, a schema, a database that only reads: somebody puts it right
                    log.error("ALARM: the log cannot be kept: %s; events wait in their outboxes", message_of(error))
                    await asyncio.sleep(BROKEN_PAUSE)
        finally:
            self._nc.on_back.discard(self._was_away)
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    async def _with_connection(self) -> None:
        async with self.leading.lead(shared=True) as line:
            self._line = line
            try:
                await self._lead(line)
            finally:
                self._line = None

    async def measured(self) -> dict[str, int]:
        """How far the log, what is published of it, and what is archived of it reach; nothing where another process leads."""
        if (line := self._line) is None:
            return {}
        async with line:
            return dict(await line.conn.fetchrow(q.measured))

    async def _lead(self, line: Line) -> None:
        conn = line.conn
        known = Alarms(conn)
        appender, window = Appender(conn, known), Window(conn, line, self._nc, self._replicas)
        async with line:
            # The statement over all outboxes takes longer to plan than to run.
            await conn.execute("set app.tenants = '*'; set plan_cache_mode = force_generic_plan")
            await appender.load()
        self._lose_step()
        self.position = appender.position
        log.info("the sequencer is active; the log ends at %d", appender.position)
        self.active.set()
        work = (
            self._append(appender, line),
            self._publish(window, known, line),
            self._tell(window, line),
            self._keeper.run(line, appender),
            until_lost(conn),
        )
        tasks = [asyncio.create_task(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(conn, tasks)

    async def _append(self, appender: Appender, line: Line) -> None:
        pause = SHORTEST_POLL
        while True:
            hinted = await self._hinted_within(pause)
            async with line:
                # Whether anything is there is asked only without a hint: the question costs as much as the answer while much comes.
                rows = await appender.append() if hinted or await appender.is_pending() else []
            if rows:
                self.position = appender.position
                await self._hand_over(rows)
            more = len(rows) >= MOST_AT_ONCE
            pause = 0.0 if more else SHORTEST_POLL if rows or hinted else min(LONGEST_POLL, pause * 2)

    async def _hinted_within(self, seconds: float) -> bool:
        """Wait for a hint that an outbox holds something; False when none came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hint.wait()
        hinted = self._hint.is_set()
        self._hint.clear()
        return hinted

    async def _hand_over(self, rows: list[Row]) -> None:
        if not self._aligned:  # whoever aligns reads them from the log; what cannot be published for long takes no memory
            return
        self._unpublished.append(rows)
        self._waiting += len(rows)
        self._more.set()
        while self._waiting > MOST_UNPUBLISHED:
            self._room.clear()
            await self._room.wait()

    def _lose_step(self) -> None:
        """EVENTS has to be compared with the log, which publishes from the log's table on: what waits for it here is forgotten."""
        self._aligned = False
        self._unpublished.clear()
        self._waiting = 0
        self._room.set()
        self._more.set()

    async def _publish(self, window: Window, known: Alarms, line: Line) -> None:
        self._lose_step()
        complaint = ""
        while True:
            try:
                if not self._aligned:
                    self._aligned = True  # before it is so: a break meanwhile takes it back
                    await line.sure()  # it may remake the stream
                    await window.align()
                    async with line:
                        await known.end(alarms.WINDOW)
                    complaint = ""
                else:
                    await self._publish_next(window, line)
            except StreamError as error:
                self._lose_step()
                if str(error) != complaint:
                    complaint = str(error)
                    log.warning("EVENTS cannot be written just now (%s); the log goes on", error)
                await asyncio.sleep(RETRY_PAUSE)
            except WindowBroken as error:
                self._lose_step()
                async with line:
                    await known.sound(alarms.WINDOW, str(error), error.remedy)
                await asyncio.sleep(LOOK_EVERY)
                continue
            self.published = window.position
            self._told.set()

    async def _tell(self, window: Window, line: Line) -> None:
        """Write down how far EVENTS is, beside the work: what is acknowledged meanwhile is told by the next time."""
        told = (0, 0)
        while True:
            await self._told.wait()
            self._told.clear()
            if (window.position, window.epoch) != told:
                async with line:
                    told = (window.position, window.epoch)
                    await line.conn.execute(keep_published(*told))

    async def _was_away(self) -> None:
        # A killed broker may have lost the latest of EVENTS, which nothing new would show until it comes.
        self._lose_step()

    async def _publish_next(self, window: Window, line: Line) -> None:
        """Publish what is appended next; in between, look whether somebody else wrote to the stream, or the epoch was raised."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._look_at:
            self._look_at = loop.time() + LOOK_EVERY
            if not await window.in_step():
                self._lose_step()
        while not self._unpublished and self._aligned and loop.time() < self._look_at:
            self._more.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._look_at):
                    await self._more.wait()
        if not self._unpublished or not self._aligned:
            return
        rows = self._unpublished.popleft()
        self._waiting -= len(rows)
        self._room.set()
        # What `align` published from the table is in the queue too.
        fresh = rows if rows[0][0] > window.position else rows[window.position - rows[0][0] + 1 :]
        if fresh:
            await line.sure()
            await window.publish(fresh)

    async def _hinted(self, msg: Msg) -> None:
        self._hint.set()
