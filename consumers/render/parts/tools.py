"""What the effects of the render domain use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.object_store import ObjectStore
from consumers.render.leases.manifest_inputs import Known
from consumers.runtime.pool import Pool
from consumers.runtime.tools import Given, Publishes, Tools


class RenderTools(Tools):
    """The plain tools, and what dispatch remembers from one part to the next; it is forgotten with the process."""

    def __init__(self, publisher: Publishes, objects: ObjectStore, pool: Pool) -> None:
        super().__init__(publisher, objects, pool)
        self.known = Known()


@asynccontextmanager
async def tools(given: Given) -> AsyncIterator[RenderTools]:
    """Of one process."""
    yield RenderTools(given.publisher, given.objects, given.pool)
