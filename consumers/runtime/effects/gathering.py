"""Statements for many rows: what comes while one is under way goes together with the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")
MOST = 200  # rows of a statement
_Entry = tuple[UUID, T, "asyncio.Future[bool]"]


class Gathering(Generic[T]):
    """`write` gets rows with their ids and answers the ids that it found; it raises for all of them, or does all."""

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
                await self._settle(group)
            finally:
                for _, _, done in group:
                    if not done.done():
                        done.set_exception(ConnectionError("the runner ends"))

    async def _settle(self, group: Sequence[_Entry[T]]) -> None:
        """Write a group, halving it down to the row that cannot be written: it costs the others nothing."""
        try:
            found = await self._write([row for _, row, _ in group])
        except Exception as error:
            if len(group) > 1:
                for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                    await self._settle(half)
            elif not group[0][2].done():
                group[0][2].set_exception(error)
            return
        for id, _, done in group:
            if not done.done():
                done.set_result(id in found)
