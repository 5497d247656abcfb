"""Statements for many rows: what comes while one is under way goes together with the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")
MOST = 200  # rows of a statement


class Gathering(Generic[T]):
    """`write` gets rows with their ids and answers the ids that it found; it raises for all of them or for none."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[set[UUID]]]) -> None:
        self._write = write
        self._waiting: deque[tuple[UUID, T, asyncio.Future[bool]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, id: UUID, row: T) -> bool:
        """Whether the row was found; raises what the statement raised."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((id, row, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            group = [entry for entry in group if not entry[2].done()]  # whoever was cancelled meanwhile writes nothing more
            if not group:
                continue
            try:
                found = await self._write([row for _, row, _ in group])
            except BaseException as error:
                for _, _, done in group:
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else ConnectionError("the runner ends"))
                if not isinstance(error, Exception):
                    raise
                continue
            for id, _, done in group:
                if not done.done():
                    done.set_result(id in found)
