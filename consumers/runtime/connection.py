"""Living with lost connections to PostgreSQL: which errors mean it, how one hears of it at once, and how work over one is ended."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

DATABASE_AWAY: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was lost in the middle of a statement
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)
"""After these the same statement may succeed later, on another connection."""
POOL_WAIT = 10.0  # seconds to get, and to give back, a pool's connection; asyncpg waits for ever for one that was lost while it cancels
CANCEL_EVERY = 0.2  # seconds


async def until_lost(conn: asyncpg.Connection) -> None:
    """Wait until the connection ends, by whatever cause, then raise ConnectionError: an idle loser of its lock must not think it leads."""
    lost = asyncio.Event()

    def tell(_: Any) -> None:
        lost.set()

    conn.add_termination_listener(tell)
    if not conn.is_closed():
        await lost.wait()
    raise ConnectionError("the connection to PostgreSQL was lost")


async def end(conn: asyncpg.Connection, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Drop the connection and end the tasks that work over it; returns when none is left."""
    # First of all: a statement cancelled on a lost connection waits for ever for the server's word that it was cancelled.
    conn.terminate()
    pending = set(tasks)
    while pending:
        # Again and again: a cancellation that meets the end of what was awaited can be swallowed (asyncio.wait_for before Python 3.12).
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_EVERY)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # read, so that asyncio does not report it once more
