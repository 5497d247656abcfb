"""An idle stack: memory and processor time of every process, two nodes with their engines loaded, beside the three servers alone."""

import asyncio
from collections.abc import Iterable

import psutil

from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import stack
from benchmarks.memory import held
from benchmarks.processes import processes, seconds

MEMORY = (Bound("value", most=500.0),)
PROCESSOR = (Bound("value", most=3.0),)
MEMORY_LIMIT = (
    "eight Python processes with their libraries (consumers, log, edge, check, two nodes, two engines), 20 to 75 MB each; "
    "the floor is the three servers"
)
PROCESSOR_LIMIT = (
    "pulls' heartbeats for each of 13 consumers, the nodes' heartbeats, the feed's proof, "
    "and what the servers do about them, which is the floor"
)
SETTLE = 25.0  # seconds: an engine gives memory back 2 s after its last request, a pool closes a connection that nobody needed for 20


async def measure(quick: bool) -> list[Figure]:
    """Megabytes that all hold together (pages that they share counted once), and percent of one core over 20 s (5 when quick)."""
    async with stack(nodes=2) as running:
        await asyncio.sleep(SETTLE)
        servers, ours = processes(running)
        before = {process.pid: seconds(process) for process in (*servers, *ours)}
        await asyncio.sleep(lasting := 5.0 if quick else 20.0)
        busy = {process.pid: (seconds(process) - before[process.pid]) / lasting * 100 for process in (*servers, *ours)}
        memory = held(one.pid for one in (*servers, *ours)) / 1e6, held(one.pid for one in servers) / 1e6
    share = _sum(busy, (*servers, *ours)), _sum(busy, servers)
    return [
        figure("idle.memory", memory[0], "MB", memory[1], MEMORY, MEMORY_LIMIT),
        figure("idle.processor", share[0], "% of a core", share[1], PROCESSOR, PROCESSOR_LIMIT),
    ]


def _sum(values: dict[int, float], processes: Iterable[psutil.Process]) -> float:
    return sum(values[process.pid] for process in processes)
