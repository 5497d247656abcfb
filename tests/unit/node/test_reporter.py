"""What a node has reported lately is sent again when the broker comes back, for it may have forgotten it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Envelope, first
from contracts.node import RegisterNode, ReportFailure
from node_worker import reporter as module
from node_worker.reporter import Reporter
from node_worker.spool import Spool
from producers.publisher import PublishFailed

WORK = first(ReportFailure(part_id=uuid4(), epoch=1, code="node.x", detail=""), tenant=uuid4())


class Broker:
    """Takes reports, or not."""

    def __init__(self) -> None:
        self.took: list[UUID] = []
        self.away = False

    async def publisher(self) -> "Broker":
        return self

    async def publish(self, report: Any, envelope: Envelope, *, scope: UUID) -> int:
        if self.away:
            raise PublishFailed("away")
        self.took.append(envelope.id)
        return len(self.took)


@pytest.fixture
async def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A reporter with a clock that a test moves."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    broker = Broker()
    reporter = Reporter(uuid4(), Spool(tmp_path), broker, lambda: None)  # type: ignore[arg-type]
    running = asyncio.create_task(reporter.run())

    async def fail(number: int) -> None:
        part = uuid4()
        await (await reporter.about(WORK, ReportFailure(part_id=part, epoch=1, code="node.x", detail=""), part, f"{number}"))

    yield SimpleNamespace(reporter=reporter, broker=broker, clock=clock, fail=fail)
    running.cancel()


async def test_what_was_acknowledged_is_sent_again_under_the_same_ids(said: Any) -> None:
    for number in range(3):
        await said.fail(number)
    before = list(said.broker.took)
    await said.reporter.repeat()
    assert said.broker.took == before * 2
    await said.reporter.repeat()
    assert said.broker.took == before * 3, "the broker may be away again before it has written anything"


async def test_what_the_broker_has_long_written_is_not_sent_again(said: Any) -> None:
    await said.fail(1)
    said.clock.now += module.KEPT + 1
    await said.fail(2)
    await said.reporter.repeat()
    assert said.broker.took[2:] == said.broker.took[1:2]


async def test_a_registration_is_not_sent_again(said: Any) -> None:
    report = RegisterNode(protocol=1, name="n", slots=1, engine_build="e", encoder_build="x", version="0", platform="p")
    await (await said.reporter.say(report))
    await said.reporter.repeat()
    assert len(said.broker.took) == 1


async def test_a_broker_that_goes_away_meanwhile_is_told_at_its_next_return(said: Any) -> None:
    await said.fail(1)
    said.broker.away = True
    await said.reporter.repeat()
    said.broker.away = False
    await said.reporter.repeat()
    assert said.broker.took == said.broker.took[:1] * 2
