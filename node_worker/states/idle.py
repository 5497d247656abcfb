"""idle: pulls work, holds none."""

from node_worker.node import Node
from node_worker.states import State, while_due


async def idle(node: Node) -> State:
    """Wait for a part."""
    return await while_due(node, State.IDLE)
