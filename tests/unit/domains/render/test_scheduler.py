"""The scheduler's loops: a break in which the domain is not active ends neither, however short it is."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from consumers.render.scheduling import scheduler
from consumers.render.scheduling.farm import Choice, NodeState
from consumers.render.scheduling.scheduler import LEASE, Scheduler
from consumers.runtime.item import Item
from contracts.envelope import first
from contracts.render.jobs import PlanJob
from contracts.render.nodes import LoseNode

BREAKS = [0.02, 0.15, 0.3, 0.6]  # seconds: shorter than one loop's look, than both, than none


def runtime_of(said: list[Any], active: asyncio.Event) -> SimpleNamespace:
    """What a scheduler needs of a runtime; notes what is submitted."""
    submit = lambda command, envelope: said.append(command)  # noqa: E731
    return SimpleNamespace(prepare=[], observers=[], active=active, submit=submit, settler=SimpleNamespace())


@pytest.mark.parametrize("seconds", BREAKS)
async def test_both_loops_go_on_after_a_break(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "WATCH", 0.1)
    said: list[Any] = []
    active = asyncio.Event()
    runtime = runtime_of(said, active)
    active.set()
    made = Scheduler(runtime, SimpleNamespace(), None)  # type: ignore[arg-type]
    node = NodeState(uuid4(), "n", 1, 1, ("e", "x"), made.now(), service="open")
    made.farm.add_node(node)
    running = asyncio.create_task(made.run())
    try:
        await asyncio.sleep(0.12)
        active.clear()
        await asyncio.sleep(seconds)
        active.set()
        node.heard, job = made.now() - 2 * LEASE, uuid4()
        made.farm.unplanned[uuid4(), job] = None
        async with asyncio.timeout(5):
            while not {LoseNode, PlanJob} <= {type(command) for command in said}:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_dropped_is_asked_for_again_and_work_is_chosen_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "AGAIN", 0.05)
    said: list[Any] = []
    made = Scheduler(runtime_of(said, asyncio.Event()), SimpleNamespace(), None)  # type: ignore[arg-type]
    tenant, plan = uuid4(), PlanJob(job_id=uuid4())
    for _ in range(3):
        made.put_off(Item(envelope=first(plan, tenant=tenant), command=plan, own=True))
    lose = LoseNode(node_id=uuid4(), epoch=1, last_heard=datetime.now(UTC))
    made.put_off(Item(envelope=first(lose), command=lose, own=True))
    node = NodeState(uuid4(), "n", 1, 1, ("e", "x"), made.now(), service="open")
    made.farm.add_node(node)
    choice = Choice(tenant, "inspect", uuid4())
    made._assign(node, choice, made.now())
    assign = said.pop()
    [part_id] = made._choices
    envelope = first(assign, tenant=tenant)
    monkeypatch.setattr(scheduler, "_part_of", lambda given: part_id)
    made.put_off(Item(envelope=envelope, command=assign, own=True))
    assert not made._choices and not made.farm.parts
    await asyncio.sleep(0.2)
    assert said == [plan], "the watch loop says again which node is lost"
