"""Runs a command's coroutine so that Ctrl-C and SIGTERM end it in order, with everything that it started."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The command was asked to stop; `signal_number` says by what."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number


def run(work: Coroutine[Any, Any, T], *, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """The result of the coroutine, in a loop of this kind. Raises what it raises, and Stopped after a signal, when all is cleaned up."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(_until_signal(work))


async def _until_signal(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    heard: list[int] = []

    def stop(number: int) -> None:
        # Once only: a second Ctrl-C must not cut the orderly stop short.
        if not heard:
            task.cancel()
        heard.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if heard:
            raise Stopped(heard[0]) from None
        raise
