"""Frozen leaders: a process that leads is stopped for longer than its standby needs to take over, and then goes on where it stood."""

import asyncio
import contextlib

import asyncpg
import psutil

from deploy.local.stack import Stack
from tests.chaos.twin_stack import SECOND

LEADS = {"consumers": "file_mgr_app", "log": "log_app"}  # by whose lock one sees who leads; each pulse goes through that domain
HOLDERS = """
    select client_port from pg_stat_activity a join pg_locks l on l.pid = a.pid
    where l.locktype = 'advisory' and l.granted and a.usename = $1
"""
FROZEN = 12.0  # seconds; a standby takes over after five, a supervisor ends what does not stir


class Freezer:
    """Holds processes up; `settle` waits until all go on or are gone."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._held: dict[str, asyncio.Task[None]] = {}

    async def leader(self, name: str, conn: asyncpg.Connection) -> int | None:
        """Which process leads, the first or its standby; None while nobody does, or one of them is frozen already."""
        if name in self._held:
            return None
        pids = self._stack.processes.pids()
        ports = {row["client_port"] for row in await conn.fetch(HOLDERS, LEADS[name])}
        for pid in (pids[one] for one in (name, name + SECOND) if one in pids):
            with contextlib.suppress(psutil.Error):
                if any(one.laddr and one.laddr.port in ports for one in psutil.Process(pid).net_connections("tcp")):
                    return pid
        return None

    def freeze(self, name: str, pid: int) -> bool:
        """Stop a process for so long; whether it was there."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.suspend()
            task = self._held[name] = asyncio.create_task(self._thaw(process))
            task.add_done_callback(lambda done: self._held.pop(name, None))
            return True
        return False

    async def settle(self) -> None:
        """Until nothing is frozen."""
        await asyncio.gather(*self._held.values())

    async def _thaw(self, process: psutil.Process) -> None:
        await asyncio.sleep(FROZEN)
        with contextlib.suppress(psutil.Error):  # its supervisor may have ended it
            process.resume()
