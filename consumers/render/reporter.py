"""Who reports: the node in a report's envelope, where the broker's subject put it (consumers/runtime/reading.py)."""

from functools import lru_cache
from uuid import UUID

from consumers.runtime.reading import REPORTER


@lru_cache(4096)
def reporter(actor: str) -> UUID | None:
    """The node behind an envelope's actor; None for everybody else."""
    if not actor.startswith(REPORTER):
        return None
    try:
        return UUID(actor.removeprefix(REPORTER))
    except ValueError:
        return None
