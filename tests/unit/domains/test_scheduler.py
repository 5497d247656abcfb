"""The scheduler's loops: a break in which the domain is not active ends neither, however short it is."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from consumers.render import scheduler
from consumers.render.farm import NodeState
from consumers.render.scheduler import LEASE, Scheduler
from contracts.farm import LoseNode
from contracts.render import PlanJob

BREAKS = [0.02, 0.15, 0.3, 0.6]  # seconds: shorter than one loop's look, than both, than none


@pytest.mark.parametrize("seconds", BREAKS)
async def test_both_loops_go_on_after_a_break(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "WATCH", 0.1)
    said: list[Any] = []
    active = asyncio.Event()
    runtime = SimpleNamespace(prepare=[], observers=[], active=active, submit=lambda command, envelope: said.append(command))
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
