"""The whole stack for a command: started, and stopped whatever happens."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from cli.errors import Mistake
from deploy.local.stack import Stack
from sql.migrate import MigrationDrift


@asynccontextmanager
async def stack(data: Path | None, notice: Callable[[str], None], nodes: int = 2, slots: int = 1) -> AsyncIterator[Stack]:
    """A running stack. Raises StackError, Mistake."""
    try:
        async with Stack(data, nodes=nodes, slots=slots, notice=notice) as running:
            yield running
    except MigrationDrift as error:
        detail = f"the data folder is of another release: {error}"
        raise Mistake(
            "data.other_release", detail, "--data", "Choose another folder, or remove this one if its films are not needed."
        ) from error
