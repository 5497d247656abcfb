"""One of several processes that lead a domain of effects by turns; says on its standard output when it leads."""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from consumers.runtime import leading as rules
from consumers.runtime.connection import DATABASE_AWAY, end, until_lost
from consumers.runtime.effects import runner as looks
from consumers.runtime.effects.runner import EffectRunner
from consumers.runtime.leading import Leading
from consumers.runtime.pool import Connections
from contracts.envelope import Envelope
from contracts.message import Command
from tests.chaos.effects.kinds import DOMAIN, Telephone, domain
from tests.support.leading import app_connection

ROOT = Path(__file__).parents[3]
LOCK = 34
HASTY = {"SPEAK": 0.2, "SILENT": 2.0, "SURE": 1.6, "ANSWER": 2.0}  # the rules of leading, with shorter times


class Publishing:
    """Reports go to the world."""

    def __init__(self, telephone: Telephone) -> None:
        self._telephone = telephone

    async def __call__(self, command: Command, envelope: Envelope) -> None:
        key = getattr(command, "notification_id", "none")
        status, _ = await self._telephone.say("POST", f"/report/{key}/{envelope.id}")
        if status != 200:
            raise OSError("the report was not taken")


async def lead(dsn: str, port: int, outside: int) -> None:
    """Lead whenever that is possible, for ever; PostgreSQL is reached through `port`."""

    # Named, as in the product: a standby ends all connections of a leader that is silent, of which some may hold rows.
    def connected(*_: str) -> Any:
        return app_connection(dsn, DOMAIN, port=port, process=f"effects {os.getpid()}")

    leading = Leading.of_domain(DOMAIN, LOCK, connected)
    pool = Connections(connected, most=4, each=4).of(DOMAIN)
    telephone = Telephone(outside)
    runner = EffectRunner(domain(), pool, Publishing(telephone), telephone, leading)
    asyncio.get_running_loop().create_task(runner.run())
    while True:
        with contextlib.suppress(*DATABASE_AWAY):
            async with leading.lead() as line:
                await runner.take_over()
                leading.active.set()
                print("leads", leading.lease, flush=True)
                lost = asyncio.create_task(until_lost(line.conn))
                try:
                    await lost
                finally:
                    await end(line.conn, [lost])
        await asyncio.sleep(0.2)


class Member:
    """Such a process, seen from whoever kills it."""

    def __init__(self, name: str, dsn: str, port: int, outside: int, *, hasty: bool) -> None:
        self.name, self._given = name, (dsn, str(port), str(outside), "hasty" if hasty else "")
        self.said: list[list[str]] = []
        self.process: Any = None

    async def start(self, log: Path) -> None:
        """Begin anew."""
        self.said = []
        with log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, *self._given, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=errors
            )
        self._reading = asyncio.create_task(self._read(self.process.stdout))

    async def _read(self, stdout: Any) -> None:
        async for line in stdout:
            self.said.append(line.decode().split())

    @property
    def lease(self) -> int:
        """That under which it led last."""
        return max((int(words[1]) for words in self.said if words[0] == "leads"), default=0)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    async def kill(self) -> None:
        """End it without a word."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def port_of(dsn: str) -> int:
    """The port of an address."""
    return urlsplit(dsn).port or 5432


if __name__ == "__main__":
    if sys.argv[4]:
        for rule, value in HASTY.items():
            setattr(rules, rule, value)
    looks.POLL = 0.2  # effects come from another process here, which wakes nobody
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(lead(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
