"""One walk over all finished objects, at full speed, for `flatrender scrub`."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import msgspec

from adapters.nats import connect
from adapters.object_store import ObjectStore, StoreError
from cli.database import Database
from cli.errors import Mistake
from cli.quarantine import settings_of
from consumers.render.scrubber import BEGINNING, RESULTS, Found, Stored, keep, look, stored_after
from producers.publisher import Publisher, PublishFailed

EVERY = 100  # objects between two lines of progress
BECOMES = {name: results.becomes for name, results in RESULTS.items()}


class Finding(msgspec.Struct, frozen=True):
    """An object that is not what was verified: a segment by its key, an export by its job, a snapshot by its id."""

    kind: str
    tenant_id: UUID
    name: str
    object_key: str
    found: Found


class Walk(msgspec.Struct):
    """What was looked at."""

    objects: int = 0
    bytes: int = 0
    findings: list[Finding] = []


async def scrub(found: Database, notice: Callable[[str], None]) -> Walk:
    """Look at every finished object; the farm is told of those that rotted or are gone. Raises Mistake."""
    async with AsyncExitStack() as stack:
        store = await found.store(stack)
        if store is None or found.facts is None:
            raise Mistake(
                "scrub.not_running", "the stack does not run, so nothing could be drawn again", remedy="Start it with `flatrender up`."
            )
        nc = await connect(settings_of(found.facts.nats_url), "flatrender scrub", within=10)
        stack.push_async_callback(nc.close)
        conn = await stack.enter_async_context(found.connection())
        try:
            return await _walk(conn, store, Publisher(nc), notice)
        except (StoreError, PublishFailed) as error:
            raise Mistake("scrub.broken_off", f"the walk broke off: {error}", remedy="Try again; what was found is kept.") from error


async def _walk(conn: asyncpg.Connection, store: ObjectStore, publisher: Publisher, notice: Callable[[str], None]) -> Walk:
    walk, place = Walk(), BEGINNING
    while (one := await stored_after(conn, place)) is not None:
        result = await look(one, store, publisher.publish)
        await keep(conn, one, result)
        _count(walk, one, result)
        if walk.objects % EVERY == 0:
            notice(f"{walk.objects:,} objects, {len(walk.findings)} of them not as they were")
        place = one.place
    return walk


def _count(walk: Walk, one: Stored, result: Found) -> None:
    walk.objects += 1
    walk.bytes += one.bytes
    if result != "whole":
        walk.findings.append(Finding(one.kind, one.tenant_id, one.name, one.object_key, result))
