"""Who reports: the node in a report's envelope, where the broker's subject put it (consumers/runtime/decoding.py)."""

from functools import lru_cache
from uuid import UUID

from contracts.actors import acting_node


@lru_cache(4096)
def reporter(actor: str) -> UUID | None:
    """The node behind an envelope's actor; None for everybody else."""
    try:
        return UUID(acting_node(actor))
    except ValueError:
        return None


def reporting_node(actor: str) -> UUID:
    """The same where only nodes speak. Raises ValueError."""
    node_id = reporter(actor)
    if node_id is None:
        raise ValueError(f"{actor!r} is no node")
    return node_id
