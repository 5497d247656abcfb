"""The second half of the sequencer: publishes the log to the stream EVENTS, whose sequence is the position, for ever."""

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
from nats.aio.msg import Msg

import sql
from adapters.nats import ApiError, Connection, api, begin_row, create_stream, stored, stream_state
from consumers.log.append import Row
from consumers.log.event import frame_of
from contracts.catalogue import EVENTS, domains, events_stream

log = logging.getLogger(__name__)
ROW = 500  # messages for one acknowledgement
LEAST_WINDOW = 1000  # events that a window made anew holds at least, if the log has them
q = sql.load("log")


class WindowBroken(Exception):
    """EVENTS and the log contradict each other; a person has to decide which of them is right."""


class Window:
    """Keeps EVENTS in step with the log; `position` is the last that the stream is known to hold."""

    def __init__(self, conn: asyncpg.Connection, lock: AbstractAsyncContextManager[Any], nc: Connection, replicas: int = 1) -> None:
        self._conn = conn
        self._lock = lock  # the connection is shared with the appender
        self._nc = nc
        self._replicas = replicas
        self.position = 0

    async def publish(self, rows: Sequence[Row]) -> None:
        """Publish rows of the log that continue `position`; returns when all are stored. Raises StreamError; then `align` is due."""
        under_way: deque[asyncio.Future[Msg]] = deque()
        # What follows is sent while the one before is stored; should that fail, the expected sequence lets all after it fail too.
        for start in range(0, len(rows), ROW):
            row = rows[start : start + ROW]
            under_way.append(await begin_row(self._nc, [frame_of(one) for one in row], expected_last=row[0][0] - 1))
            while len(under_way) > 1:
                self.position = await stored(under_way.popleft())
        while under_way:
            self.position = await stored(under_way.popleft())

    async def align(self) -> None:
        """Find out where the stream stands and publish on from the log to its end. Raises WindowBroken, StreamError."""
        async with self._lock:
            head = await self._conn.fetchval(q.head) or 0
        state = await stream_state(self._nc, EVENTS)
        if state is None or (head and state["state"]["last_seq"] == 0):
            last = await self._remake(head, exists=state is not None)
        else:
            last = int(state["state"]["last_seq"])
            await self._check(last, head, int(state["state"]["messages"]))
        self.position = last
        if last < head:
            log.info("EVENTS holds position %d, the log %d; publishing on", last, head)
            await self._catch_up(head)

    async def _check(self, last: int, head: int, messages: int) -> None:
        if last > head:
            raise WindowBroken(
                f"EVENTS holds position {last}, but the log ends at {head}: the database is older than the stream, as after restoring a "
                "backup. Bring the newer database back; or, to give up the events after that, remove the stream EVENTS: it is made anew."
            )
        if not messages or not last:
            return
        there = await self._event_at(last)
        async with self._lock:
            ours = await self._conn.fetch(q.read, last - 1, last, None, None, 1)
        if there and ours and there != str(ours[0]["event_id"]):
            raise WindowBroken(
                f"EVENTS holds the event {there} at position {last}, the log has {ours[0]['event_id']} there: they belong to different "
                "installations, or one was restored from a backup. Remove the stream EVENTS to have it made anew from this log."
            )

    async def _event_at(self, position: int) -> str:
        """The id of the event that the stream holds at a position; empty when its age ended meanwhile."""
        try:
            answer = await api(self._nc, f"STREAM.MSG.GET.{EVENTS}", {"seq": position})
        except ApiError as error:
            if error.code == 404:
                return ""
            raise
        return _header(answer["message"].get("hdrs", ""), "ce-id")

    async def _remake(self, head: int, *, exists: bool) -> int:
        """Make the stream begin where every domain has reacted and the last thousand events are in it; returns the position before."""
        async with self._lock:
            oldest = await self._conn.fetchval(q.first) or 1
            reacted = await self._conn.fetchval(_REACTED)
        wanted = max(0, head - LEAST_WINDOW)
        before = max(min(wanted, head if reacted is None else reacted), oldest - 1)
        if reacted is not None and reacted < before:
            log.warning("a domain has reacted up to %d only, but the log begins at %d outside the archives", reacted, before + 1)
        if exists and before == 0:
            return 0
        if exists:
            await api(self._nc, f"STREAM.DELETE.{EVENTS}")
        await create_stream(self._nc, events_stream(self._replicas, first=before + 1))
        log.warning("the stream EVENTS was not there and is made anew from position %d; the log ends at %d", before + 1, head)
        return before

    async def _catch_up(self, head: int) -> None:
        while self.position < head:
            async with self._lock:
                rows = await self._conn.fetch(q.read, self.position, head, None, None, 5000)
            if not rows or rows[0]["position"] != self.position + 1:
                raise WindowBroken(
                    f"EVENTS needs position {self.position + 1}, which log.events does not hold; it may be archived. "
                    "Remove the stream EVENTS: it is made anew from what the table holds."
                )
            await self.publish([tuple(row) for row in rows])


_CURSORS = " union all ".join(q.reacted.replace("{schema}", domain) for domain in domains())
_REACTED = f"select min(position) from ({_CURSORS}) cursors"


def _header(encoded: str, name: str) -> str:
    for line in base64.b64decode(encoded).decode(errors="replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return ""
