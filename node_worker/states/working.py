"""working: parts are in work, and more may come."""

from node_worker.node import Node
from node_worker.states import State, while_due


async def working(node: Node) -> State:
    """Wait until all parts have ended."""
    return await while_due(node, State.WORKING)
