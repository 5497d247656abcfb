"""offline: the broker is away; parts go on and reports wait on disk."""

from node_worker.node import Node
from node_worker.states import State, while_due


async def offline(node: Node) -> State:
    """Wait for the broker, which the connection looks for by itself."""
    return await while_due(node, State.OFFLINE)
