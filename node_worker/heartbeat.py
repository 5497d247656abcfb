"""Once a second: the node lives, holds these parts, and has this much to spare."""

import asyncio

import psutil

from contracts.node import Heartbeat
from node_worker.node import Node

INTERVAL = 1.0  # seconds


async def beat(node: Node) -> None:
    """Emit heartbeats for ever, once the farm was told of the node."""
    daemon = psutil.Process()
    psutil.cpu_percent(None)  # the first call only sets the mark that later ones measure from
    while True:
        await asyncio.sleep(INTERVAL)
        node.changed()
        if node.registered and (ticks := node.link.ticks) is not None:
            tick = Heartbeat(
                name=node.name,
                epoch=0,
                parts=node.runner.parts,
                cpu=round(psutil.cpu_percent(None) / 100, 3),
                memory=_memory(daemon, node),
                disk_free=node.folder.free(),
                load=round(psutil.getloadavg()[0], 2),
            )
            await ticks.emit(tick, str(node.id))


def _memory(daemon: psutil.Process, node: Node) -> int:
    """Resident bytes of the daemon and its engines; pages that they share count for each."""
    total = daemon.memory_info().rss
    for engine in node.slots.engines:
        try:
            total += psutil.Process(engine.pid).memory_info().rss if engine.pid else 0
        except psutil.Error:  # it died in this moment
            continue
    return int(total)
