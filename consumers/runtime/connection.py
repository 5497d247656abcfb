"""Living with lost connections to PostgreSQL: which errors mean it, how one hears of it at once, and how work over one is ended."""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg

DATABASE_AWAY: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was lost in the middle of a statement
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionTimeoutError,  # the server ended a session that took too long, or that was silent within a transaction
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
    TimeoutError,
)
"""After these the same statement may succeed later, on another connection."""
POOL_WAIT = 10.0  # seconds to get, and to give back, a pool's connection; asyncpg waits for ever for one that was lost while it cancels
CANCEL_EVERY = 0.2  # seconds
LOOK = 1.0  # seconds between two looks at a connection that may have ended without a word
CUTS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 5000}
"""Socket options, in seconds, a count and milliseconds: a line on which nothing is acknowledged for five seconds is cut."""


def notice_cuts(conn: asyncpg.Connection) -> None:
    """Have the system end the connection when the server's machine is gone without a word; over a unix socket there is nothing to do."""
    given = conn._transport.get_extra_info("socket")  # asyncpg has no way to give options
    if given is None or given.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with socket.socket(fileno=os.dup(given.fileno())) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in CUTS.items():
            if (option := getattr(socket, name, None)) is not None:  # not every system has each
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def until_lost(conn: asyncpg.Connection) -> None:
    """Wait until the connection ends, by whatever cause, then raise ConnectionError: an idle loser of its lock must not think it leads."""
    lost, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell(_: Any) -> None:
        lost.set()

    conn.add_termination_listener(tell)
    while not conn.is_closed():
        # asyncpg tells nobody when a connection ends as a process that was stopped goes on in the middle of a statement, so it is looked at
        # too: each full second, when the process is awake anyway.
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK - loop.time() % LOOK):
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
