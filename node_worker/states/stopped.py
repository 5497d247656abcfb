"""stopped: leaves the farm, ends the engines, lets go of the folder."""

import asyncio
import contextlib

from contracts.node import LeaveNode
from node_worker.log import info, let_go
from node_worker.node import Node

GOODBYE = 2.0  # seconds for the last reports; what is not delivered stays in the spool


async def stopped(node: Node) -> None:
    """Give everything back."""
    node.accepting = False
    await node.runner.drop_all("the node stops")
    if node.enlisted:
        last = await node.reporter.say(LeaveNode())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(last, GOODBYE if node.link.connected else 0)
    for task in node.tasks:
        task.cancel()
    await asyncio.gather(*node.tasks, return_exceptions=True)
    await node.slots.close()
    await node.transfers.close()
    await node.link.close()
    node.folder.close()
    info("stopped", undelivered=node.reporter.waiting)
    let_go()
