"""A domain with timers over a real database, whose time is moved and whose broker is a list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from consumers.runtime.item import Item
from consumers.runtime.leading import Leading
from consumers.runtime.timers import Timers
from contracts.envelope import Envelope
from contracts.message import Command, encode
from contracts.outcome import Outcome
from tests.support.in_process import InProcessDomains, item_of
from tests.support.leading import leads, pool_of
from tests.support.timing import TIMED, Clock, changing, fired

MAY = datetime(2031, 5, 17, 12, tzinfo=UTC)
SOON = MAY + timedelta(minutes=5)


class Hours:
    """A domain with timers over a database of its own: time is moved, the broker is a list."""

    def __init__(self, in_process: InProcessDomains, leading: Leading) -> None:
        self.in_process, self.admin, self.leading = in_process, in_process.admin, leading
        self.clock = in_process.clock = Clock(MAY)
        self.tenant = uuid4()
        self.sent: list[tuple[Command, Envelope]] = []
        self.failing: Exception | None = None
        self.timers = self.process()

    def process(self) -> Timers:
        """What one process does about timers."""
        return Timers(TIMED, pool_of(self.in_process.dsn, "file_mgr"), self._publish, self.leading, self.clock)

    async def _publish(self, command: Command, envelope: Envelope) -> None:
        if self.failing is not None:
            raise self.failing
        self.sent.append((command, envelope))

    async def do(self, *changes: Any) -> None:
        """Have a command decided that changes timers."""
        (outcome,) = await self.in_process.decide("file_mgr", [item_of(changing(*changes), self.tenant)])
        assert outcome is not None and outcome.state == "done", outcome

    def items(self) -> list[Item]:
        """What was published since, as a batch takes it."""
        sent, self.sent = self.sent, []
        return [Item(envelope=envelope, command=command, body=encode(command)) for command, envelope in sent]

    async def decide(self, items: list[Item]) -> list[Outcome | None]:
        """One batch."""
        return await self.in_process.decide("file_mgr", items)

    async def publish_at(self, moment: datetime) -> None:
        """Move the clock and publish what is due."""
        self.clock.now = moment
        await self.timers.round()

    async def pass_until(self, moment: datetime) -> list[str]:
        """Move the clock, publish what is due and decide it, until nothing is; answers how each ended."""
        self.clock.now = moment
        ends: list[str] = []
        while True:
            await self.timers.round()
            if not (items := self.items()):
                return ends
            ends += [ended(outcome) for outcome in await self.decide(items)]

    async def left(self) -> list[tuple[str, datetime]]:
        """The timers that are there, by name and moment."""
        rows = await self.admin.fetch("select name, due_at from file_mgr.timers where tenant_id = $1 order by due_at, name", self.tenant)
        return [tuple(row) for row in rows]

    async def fired(self) -> list[tuple[str, datetime]]:
        """What was decided."""
        return await fired(self.admin, self.tenant)


def ended(outcome: Outcome | None) -> str:
    """The state of an outcome, or why it is refused."""
    assert outcome is not None
    return outcome.problem.code if outcome.problem and outcome.state == "refused" else outcome.state


@asynccontextmanager
async def hours_over(dsn: str) -> AsyncIterator[Hours]:
    """The domain over a migrated database."""
    async with InProcessDomains(dsn) as in_process, hours_of(in_process) as hours:
        yield hours


@asynccontextmanager
async def hours_of(in_process: InProcessDomains) -> AsyncIterator[Hours]:
    """The domain over a database of its own, whose clock is moved from now on."""
    in_process.domains["file_mgr"] = TIMED
    async with leads(in_process.dsn, "file_mgr") as leading:
        yield Hours(in_process, leading)
