"""Delivers reports: on disk first, then to the broker in order, until it has acknowledged them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from contracts.actors import node_actor
from contracts.envelope import Envelope, first
from contracts.ids import following_id
from contracts.message import Report, type_of
from contracts.node import LeaveNode, RegisterNode
from node_worker.failures import disk_full
from node_worker.link import Link
from node_worker.log import error, info, warning
from node_worker.spool import Spool, Waiting
from producers.publisher import PublishFailed

LONGEST_DELAY = 2.0  # seconds between two attempts while the broker does not take a report
# For how many seconds, and of how many reports, is remembered what the broker acknowledged: it syncs its disk every two minutes.
KEPT, MOST_KEPT = 180.0, 5000


class Reporter:
    """Makes the envelopes of a node's reports and brings them to the farm, one after the other."""

    def __init__(self, node: UUID, spool: Spool, link: Link, free_disk: Callable[[], object]) -> None:
        self._node, self._spool, self._link, self._free_disk = node, spool, link, free_disk
        self._actor = node_actor(node)
        self._queue: deque[tuple[Waiting, asyncio.Future[None]]] = deque()
        self._given: deque[tuple[float, Waiting]] = deque(maxlen=MOST_KEPT)  # what was acknowledged, and when
        self._arrived = asyncio.Event()
        self._order = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Reports that the broker does not have yet."""
        return len(self._queue)

    def load(self) -> None:
        """Queue what an earlier daemon could not deliver."""
        for waiting in self._spool.load():
            self._append(waiting)
        if self._queue:
            info("spool loaded", reports=len(self._queue))

    async def about(self, work: Envelope, report: Report, part: UUID, name: str) -> asyncio.Future[None]:
        """Report on a part; `name` tells this report from the part's others, so that every retry has the same id.

        Returns when the report is on disk; the future is done when the broker has it.
        """
        id = following_id(part, f"{type_of(report).name} {name}")
        return await self._submit(report, work.caused(report, id=id, time=datetime.now(UTC), actor=self._actor))

    async def say(self, report: Report, id: UUID | None = None) -> asyncio.Future[None]:
        """Report what no work caused; as `about`."""
        return await self._submit(report, first(report, actor=self._actor, id=id))

    async def repeat(self) -> None:
        """Send again what the broker acknowledged lately: it was away, and may have forgotten it.

        The farm does nothing for a report that it has. A registration that was forgotten is asked for anew.
        """
        while self._given and self._given[0][0] < time.monotonic() - KEPT:
            self._given.popleft()
        again = [waiting for _, waiting in self._given if not isinstance(waiting.report, RegisterNode | LeaveNode)]
        publisher = await self._link.publisher()
        ways = (publisher.publish(waiting.report, waiting.envelope, scope=self._node) for waiting in again)
        failed = [result for result in await asyncio.gather(*ways, return_exceptions=True) if isinstance(result, BaseException)]
        if again:
            info("reports sent again", reports=len(again), failed=len(failed))

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self._arrived.clear()
            while self._queue:
                waiting, delivered = self._queue[0]
                await self._deliver(waiting)
                self._queue.popleft()
                if not delivered.done():
                    delivered.set_result(None)
            await self._arrived.wait()

    async def _submit(self, report: Report, envelope: Envelope) -> asyncio.Future[None]:
        # A cancelled part must not leave a report half on its way: on disk, but not in the queue.
        return await asyncio.shield(self._keep(report, envelope))

    async def _keep(self, report: Report, envelope: Envelope) -> asyncio.Future[None]:
        async with self._order:
            return self._append(Waiting(report, envelope, await self._write(report, envelope)))

    async def _write(self, report: Report, envelope: Envelope) -> Path | None:
        for _ in range(2):
            try:
                return await asyncio.to_thread(self._spool.write, report, envelope)
            except OSError as problem:
                if not disk_full(problem):
                    error("spool cannot be written", problem)
                    return None
                self._free_disk()
        warning("disk full: a report is kept in memory only", report=envelope.type)
        return None

    def _append(self, waiting: Waiting) -> asyncio.Future[None]:
        delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((waiting, delivered))
        self._arrived.set()
        return delivered

    async def _deliver(self, waiting: Waiting) -> None:
        delay = 0.05
        while True:
            publisher = await self._link.publisher()
            try:
                await publisher.publish(waiting.report, waiting.envelope, scope=self._node)
            except PublishFailed as problem:
                if not problem.retryable:
                    error("report can never be delivered", report=waiting.envelope.type, reason=str(problem))
                    if waiting.path:
                        self._spool.set_aside(waiting.path)
                    return
                warning("report not taken", report=waiting.envelope.type, reason=str(problem), waiting=self.waiting)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_DELAY)
                continue
            self._given.append((time.monotonic(), waiting))
            if waiting.path:
                waiting.path.unlink(missing_ok=True)
            return
