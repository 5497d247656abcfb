"""Waiting: for a thing to reach a state by asking again, and for several things at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from cli.errors import Mistake

T = TypeVar("T")
FIRST, LONGEST = 0.02, 0.25  # seconds between two questions


async def until(ask: Callable[[], Awaitable[T]], reached: Callable[[T], bool], what: str, within: float = 120.0, remedy: str = "") -> T:
    """The first answer for which `reached` holds. Raises Mistake when none comes within so many seconds."""
    give_up = asyncio.get_running_loop().time() + within
    delay = FIRST
    while not reached(answer := await ask()):
        if asyncio.get_running_loop().time() > give_up:
            raise Mistake(
                "service.slow", f"waited {within:.0f} s for {what}", remedy=remedy or "Look at the service's logs, or try again later."
            )
        await asyncio.sleep(delay)
        delay = min(delay * 1.3, LONGEST)
    return answer


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all at once; the first error ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]
