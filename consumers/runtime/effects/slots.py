"""Places for effects that are under way: a bounded number of tasks, each for one row, by the row's id."""

import asyncio
from collections.abc import Awaitable, Iterable
from uuid import UUID

from consumers.runtime.effects.row import Claimed


class Slots:
    """At most `most` rows are under way; whoever wants to take more waits until some are free."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.rows: dict[UUID, Claimed] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more may be taken."""
        return self.most - len(self._tasks)

    async def until_free(self) -> None:
        """Wait until at least one is."""
        while self.free <= 0:
            self._freed.clear()
            await self._freed.wait()

    async def until_empty(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            self._freed.clear()
            await self._freed.wait()

    def start(self, row: Claimed, work: Awaitable[None]) -> None:
        """Give a row its place, until its work is over."""
        task = asyncio.ensure_future(work)
        self.rows[row.id], self._tasks[row.id] = row, task
        task.add_done_callback(lambda done: self._end(row.id, done))

    def _end(self, id: UUID, task: asyncio.Task[None]) -> None:
        if self._tasks.get(id) is task:
            del self._tasks[id], self.rows[id]
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": f"effect {id} broke off", "exception": error, "task": task})
        self._freed.set()

    def end(self, ids: Iterable[UUID]) -> None:
        """Break off what is under way."""
        for id in list(ids):
            if (task := self._tasks.get(id)) is not None:
                task.cancel()
