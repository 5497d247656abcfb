"""The second half of the sequencer: publishes the log to the stream EVENTS, whose sequence is the position, for ever."""

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any

import asyncpg
from nats.aio.msg import Msg

import sql
from adapters.nats import ApiError, Connection, api, begin_row, create_stream, header_lines, stored, stream_state
from consumers.log.append import Row
from consumers.log.archive import LEAST_WINDOW
from consumers.log.event import frame_of
from contracts.catalogue import EVENTS, events_stream
from contracts.chain import HASH, SEAL, Marks
from contracts.domains import DOMAINS

log = logging.getLogger(__name__)
ROW = 500  # messages for one acknowledgement
MOST_WINDOW = 100_000  # events that a window made anew holds at most for reactions that are behind; others are caught up from history
q = sql.load("log")


class WindowBroken(Exception):
    """EVENTS holds events of this log that the database does not know: it is older. A person has to decide."""

    remedy = (
        "Bring the newer database back; or, to give up the events after that, `flatrender log raise-epoch`: EVENTS is then made anew "
        "from this log, and clients are told that it was restored. docs/guides/operating.md says more."
    )


class Verdict(Enum):
    """What the last message of EVENTS shows."""

    OURS = "it is the log's event of that position"
    FOREIGN = "the sequencer of this log did not write it"
    UNMARKED = "a release before wrote it, without marks"
    EARLIER = "it is of an earlier epoch"
    NEWER = "the sequencer of this log wrote it, and the log does not have it"


class Window:
    """Keeps EVENTS in step with the log; `position` is the last that the stream is known to hold."""

    def __init__(self, conn: asyncpg.Connection, lock: AbstractAsyncContextManager[Any], nc: Connection, replicas: int = 1) -> None:
        self._conn = conn
        self._lock = lock  # the connection is shared with the appender
        self._nc = nc
        self._replicas = replicas
        self._marks = Marks(0, "")
        self.position = 0
        self.remade = 0  # how often the stream was made anew

    async def load(self) -> None:
        """Learn the epoch and the key of the seals."""
        head = await self._conn.fetchrow(q.window)
        self._marks = Marks(head["epoch"], head["seal"])

    @property
    def epoch(self) -> int:
        """The epoch in which is published."""
        return self._marks.epoch

    async def publish(self, rows: Sequence[Row]) -> None:
        """Publish rows of the log that continue `position`; returns when all are stored. Raises StreamError; then `align` is due."""
        under_way: deque[asyncio.Future[Msg]] = deque()
        behind = ""
        # What follows is sent while the one before is stored; should that fail, what it must follow lets all after it fail too.
        for start in range(0, len(rows), ROW):
            row = rows[start : start + ROW]
            frames = [frame_of(one, self._marks) for one in row]
            under_way.append(await begin_row(self._nc, frames, expected_last=row[0][0] - 1, behind=behind))
            behind = frames[-1].id
            while len(under_way) > 1:
                self.position = await stored(under_way.popleft())
        while under_way:
            self.position = await stored(under_way.popleft())

    async def in_step(self) -> bool:
        """Whether the stream ends where it was left, in the present epoch: nobody else wrote to it, and nothing of it was lost."""
        async with self._lock:
            epoch = (await self._conn.fetchrow(q.window))["epoch"]
        state = await stream_state(self._nc, EVENTS)
        return state is not None and int(state["state"]["last_seq"]) == self.position and epoch == self.epoch

    async def align(self) -> None:
        """Find out where the stream stands and publish on from the log to its end. Raises WindowBroken, StreamError."""
        async with self._lock:
            await self.load()
            head = int(await self._conn.fetchval(q.head))
        state = await stream_state(self._nc, EVENTS)
        if state is None or (head and state["state"]["last_seq"] == 0):
            self.position = await self._remake(head, "it held nothing", is_new=state is None, is_empty=True)
        else:
            self.position = await self._judged(int(state["state"]["last_seq"]), head)
        if self.position < head:
            log.info("EVENTS holds position %d, the log %d; publishing on", self.position, head)
            await self._catch_up(head)

    async def _judged(self, last: int, head: int) -> int:
        """Where the stream ends, after it was made anew if it is not this log's. Raises WindowBroken."""
        verdict = await self._verdict(last, head) if last else Verdict.OURS
        if verdict is Verdict.NEWER:
            raise WindowBroken(
                f"EVENTS holds an event at position {last} that this log published and does not have: the database is older than the "
                "stream, as after restoring a backup. Nothing is published until a person has decided"
            )
        if verdict is Verdict.OURS:
            return last
        say = log.error if verdict is Verdict.FOREIGN else log.warning
        say("EVENTS ends at %d, the log at %d. The last message there is not the log's: %s", last, head, verdict.value)
        return await self._remake(head, verdict.value)

    async def _verdict(self, last: int, head: int) -> Verdict:
        message = await self._message_at(last)
        if message is None:  # its age ended: nothing shows who wrote it
            return Verdict.OURS if last <= head else Verdict.NEWER
        headers, body = message
        epoch = self._marks.sealed_in(last, headers, body)
        async with self._lock:
            ours = await self._conn.fetch(q.read, last - 1, last, None, None, 1)
            oldest = await self._conn.fetchval(q.first)
            await self._conn.execute(q.keep_seen_epoch, epoch or 0)
        if epoch is None:
            plain = SEAL not in headers and ours and headers.get("ce-id") == str(ours[0]["event_id"])
            return Verdict.UNMARKED if plain else Verdict.FOREIGN
        if epoch < self.epoch:
            return Verdict.EARLIER
        known = last < oldest if not ours else ours[0]["hash"] == headers[HASH]  # what is archived was published long ago
        return Verdict.OURS if known and epoch == self.epoch else Verdict.NEWER

    async def _message_at(self, position: int) -> tuple[dict[str, str], bytes] | None:
        """Headers and body of what the stream holds at a position; None when its age ended meanwhile."""
        try:
            answer = await api(self._nc, f"STREAM.MSG.GET.{EVENTS}", {"seq": position})
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        message: dict[str, Any] = answer["message"]
        return header_lines(base64.b64decode(message.get("hdrs", ""))), base64.b64decode(message.get("data", ""))

    async def _remake(self, head: int, why: str, *, is_new: bool = False, is_empty: bool = False) -> int:
        """Make the stream begin where every reaction has come and the last thousand events are in it; returns the position before.

        What a reaction needs that is further behind, or archived, it reads from history.
        """
        async with self._lock:
            oldest = int(await self._conn.fetchval(q.first))
            reacted = await self._conn.fetchval(_REACTED)
        wanted = max(0, head - LEAST_WINDOW)
        before = max(min(wanted, head if reacted is None else reacted), head - MOST_WINDOW, oldest - 1)
        if is_empty and not is_new and before == 0:
            return 0
        if not is_new:
            await api(self._nc, f"STREAM.DELETE.{EVENTS}")
        await create_stream(self._nc, events_stream(self._replicas, first=before + 1))
        self.remade += 1
        log.warning("the stream EVENTS is made anew from position %d (%s); the log ends at %d", before + 1, why, head)
        return before

    async def _catch_up(self, head: int) -> None:
        while self.position < head:
            async with self._lock:
                rows = await self._conn.fetch(q.read, self.position, head, None, None, 5000)
            if not rows or rows[0]["position"] != self.position + 1:  # what comes next is archived: nobody will get it by the stream
                self.position = await self._remake(head, f"position {self.position + 1} is not in the log's table any more")
            else:
                await self.publish([tuple(row) for row in rows])


_CURSORS = " union all ".join(q.reacted.replace("{schema}", domain) for domain in DOMAINS)
_REACTED = f"select min(position) from ({_CURSORS}) cursors"
