"""A process that leads file_mgr over a real database, without a broker; it stops itself where a test wants it to freeze.

Says line by line on its standard output what it does; see `Leader`, which runs it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

ROOT = Path(__file__).parents[2]
DOMAIN = "file_mgr"


def freeze() -> None:
    """Stop this very process, as a hypervisor or a person might."""
    os.kill(os.getpid(), signal.SIGSTOP)


def say(*words: object) -> None:
    print(*words, flush=True)


async def work(dsn: str, place: str, tenant: UUID) -> None:
    """Lead, freeze at the place, and try to go on when woken."""
    from consumers.runtime import batch as batches
    from consumers.runtime.connection import DATABASE_AWAY
    from consumers.runtime.effects.runner import EffectRunner
    from consumers.runtime.leading import LeaderStore
    from consumers.runtime.store import Store
    from contracts.file_mgr.uploads import StartUpload
    from deploy.domains import domain_named
    from tests.support.effects import running_by
    from tests.support.in_process import item_of
    from tests.support.leading import pool_of, standing_by

    write, transaction = batches.Batch._write, Store.transaction

    async def write_and_freeze(self: Any, **how: Any) -> None:
        await write(self, **how)
        freeze()

    @asynccontextmanager
    async def commit_and_freeze(self: Store, tenants: Any) -> AsyncIterator[None]:
        async with transaction(self, tenants):
            yield
        freeze()

    async def freezing(effect: Any, call: Any, tools: Any) -> list[Any]:
        freeze()
        return [StartUpload(name="a report", bytes=1)]

    async def publish(command: Any, envelope: Any) -> None:
        say("published", command)

    if place == "within":
        batches.Batch._write = write_and_freeze  # type: ignore[method-assign]
    elif place == "committed":
        Store.transaction = commit_and_freeze  # type: ignore[method-assign]
    leading, domain = standing_by(dsn, DOMAIN), running_by(domain_named(DOMAIN), freezing)
    runner = EffectRunner(domain, pool_of(dsn, DOMAIN), publish, None, leading)
    running = None
    try:
        async with leading.lead() as line:
            store = LeaderStore(line, DOMAIN)
            leading.active.set()
            say("leads", leading.lease, line.conn.get_server_pid())
            if place == "idle":
                while not line.conn.is_closed():
                    await asyncio.sleep(0.02)
            item = item_of(StartUpload(name="late", bytes=10), tenant)
            batch = batches.Batch(domain, store, [item])
            say("decides", item.envelope.id)
            await batch.commit()
            say("tells", item.envelope.id)
            if place == "effect":
                running = asyncio.create_task(runner.run())
                runner.start_new(batch.effects)
                while not line.conn.is_closed():
                    await asyncio.sleep(0.02)
    except DATABASE_AWAY as error:
        say("lost", type(error).__name__)
    async with leading.lead():
        say("leads", leading.lease, 0)
        if running is not None:
            running.cancel()  # nothing new is begun; what was under way goes on
        leading.active.set()
        while runner.busy:
            await asyncio.sleep(0.02)
        say("rests")


class Leader:
    """Such a process, seen from a test; use as `async with`."""

    def __init__(self, dsn: str, place: str, tenant: UUID) -> None:
        self._arguments = dsn, place, str(tenant)
        self.said: list[list[str]] = []

    async def __aenter__(self) -> "Leader":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *self._arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.said.append(line.decode().split())

    def words(self, verb: str) -> list[list[str]]:
        """What followed a verb, each time that it was said."""
        return [words for first, *words in self.said if first == verb]

    async def until_said(self, verb: str, times: int = 1) -> list[str]:
        """What followed the verb when it was said for that time."""
        while len(found := self.words(verb)) < times:
            assert self._process.returncode is None, self.said
            await asyncio.sleep(0.01)
        return found[times - 1]

    async def until_frozen(self) -> None:
        """Wait until it has stopped itself."""
        while psutil.Process(self._process.pid).status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0.01)

    def freeze(self) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
