"""draining: takes nothing new, finishes what it holds within a bounded time."""

import asyncio

from node_worker.log import warning
from node_worker.node import Node
from node_worker.states import State


async def draining(node: Node) -> State:
    """Wait for the parts, the time limit, or a second signal; what is left then goes back to the farm."""
    node.accepting = False
    loop = asyncio.get_running_loop()
    until = loop.time() + node.tuning.drain_seconds
    while node.runner.parts and node.stop != "now" and (left := until - loop.time()) > 0:
        await node.next_change(left)
    if node.runner.parts:
        warning("parts are given back unfinished", parts=len(node.runner.parts))
    return State.STOPPED
