"""What the log's leader does for the partitions of its table: looks up what is in those that are full, and archives the oldest."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

import sql
from adapters.object_store import ObjectStore, StoreError
from consumers.log.append import Appender
from consumers.log.archive import Archiver, drop_retired
from consumers.log.log_reader import LogDamaged
from consumers.runtime.connection import DATABASE_AWAY
from consumers.runtime.leading import Line

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two looks whether something is old enough, or nobody reads it any more
RETIRED = timedelta(minutes=1)  # longer than a retiring transaction can take
q = sql.load("log")


class PartitionUpkeep:
    """`connect` opens a connection of log_app to read over; without a store nothing is archived. `days` is what stays in the table."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], store: ObjectStore | None, days: float) -> None:
        self._connect, self._store, self._kept = connect, store, timedelta(days=days)
        self._complaint = ""

    async def run(self, line: Line, appender: Appender) -> None:
        """Work while this process leads, until cancelled; what goes wrong with an archive is told and tried again."""
        while True:
            try:
                if await self._is_due(line):
                    await self._over_a_connection(line, appender)
            except (asyncpg.PostgresError, *DATABASE_AWAY) as error:  # where the leader's own is lost, it does not lead any more
                self._complain(str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await appender.crossed.wait()
            appender.crossed.clear()

    async def _over_a_connection(self, line: Line, appender: Appender) -> None:
        conn = await self._connect()
        try:
            await conn.execute("set app.tenants = '*'")
            await self._keep(conn, line, appender)
            self._complaint = ""
        except (StoreError, LogDamaged) as error:
            self._complain(str(error))
        finally:
            conn.terminate()

    def _complain(self, error: str) -> None:
        if error != self._complaint:
            self._complaint = error
            log.error("the log's old events cannot be archived: %s; its table keeps what it has", error)

    async def _is_due(self, line: Line) -> bool:
        """Whether there is anything to be done, for which a second connection is opened."""
        async with line:
            return bool(await line.conn.fetchval(q.is_keeping_due, datetime.now(UTC) - self._kept))

    async def _keep(self, conn: asyncpg.Connection, line: Line, appender: Appender) -> None:
        await self.look_up(conn, line, appender)
        for dropped in await drop_retired(conn, RETIRED):
            log.info("the partition of the log from position %d on was dropped", dropped)
        if self._store is not None:
            archiver = Archiver(conn, line, self._store)
            while (part := await archiver.archive(datetime.now(UTC) - self._kept)) is not None:
                log.info("the events of the partition from position %d on are read in the archives from now on", part)

    async def look_up(self, conn: asyncpg.Connection, line: Line, appender: Appender) -> None:
        """Learn the moments of the ids in partitions that are full, so that new events are not looked for in them."""
        while (part := await conn.fetchrow(q.part_to_look_up)) is not None:
            found = await conn.fetchrow(q.moments, part["first"], part["last"])
            async with line:
                await line.conn.execute(q.keep_moments, part["first"], found["moments"], found["others"])
                await appender.learn()
