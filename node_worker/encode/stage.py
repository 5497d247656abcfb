"""A thread that works through a bounded queue, and never leaves its producer waiting when it fails."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Stage(Generic[Item]):
    """Hands each item put to `work`, in order, in a thread; the first error is raised to whoever puts or finishes."""

    def __init__(self, name: str, work: Callable[[Item], None], depth: int) -> None:
        self._work = work
        self._queue: queue.Queue[Item | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item, waiting while the queue is full. Raises the error that stopped the stage."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def finish(self) -> None:
        """Wait until everything put has been worked on. Raises the error that stopped the stage."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Drop what is waiting and end the thread; safe to call after `finish` and more than once."""
        self._abandoned = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is not None or self._abandoned:
                continue  # emptying the queue, so that a producer that waits on it goes on
            try:
                self._work(item)
            except BaseException as error:  # raised again in the producer's thread
                self._error = error
