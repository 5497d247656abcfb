"""What domains read of the log's past: all of it, page by page, through a function of their own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from adapters.object_store import ObjectStore
from consumers.runtime.history import History
from contracts.identity.tenants import CreateTenant
from contracts.runs import Recorded
from deploy.local.servers import Servers
from tests.support.in_process import InProcessDomains
from tests.support.password import PASSWORD


@pytest_asyncio.fixture(loop_scope="session")
async def objects(servers: Servers) -> AsyncIterator[ObjectStore]:
    """A bucket for these tests."""
    async with ObjectStore(servers.s3_url, "history-tests", servers.s3_access_key, servers.s3_secret_key) as store:
        await store.ensure_bucket()
        yield store


async def read_all(history: History, until: int, types: list[str], most: int = 7) -> list[Recorded]:
    """Page by page."""
    found: list[Recorded] = []
    after = 0
    while after < until:
        page = await history.read(after, until, types, most=most)
        assert page.reached > after and all(after < event.position <= page.reached for event in page.events)
        found += page.events
        after = page.reached
    return found


async def test_a_domain_reads_all_events_of_the_types_it_wants_and_no_others(dsn: str, objects: ObjectStore) -> None:
    async with (
        InProcessDomains(dsn) as in_process,
        asyncpg.create_pool(dsn, user="studio_app", password=PASSWORD, min_size=1, max_size=2) as pool,
    ):
        await in_process.send_all([(CreateTenant(name=f"tenant {number}"), uuid4()) for number in range(20)])
        await in_process.sequence()
        rows = await in_process.admin.fetch("select position, event_id, type, body from log.events order by position")
        kind = "evt.identity.tenant.created.v1"
        found = await read_all(History(pool, objects), rows[-1]["position"], [kind])
        wanted = [(row["position"], row["event_id"], row["body"]) for row in rows if row["type"] == kind]
        assert [(event.position, event.event_id, event.body) for event in found] == wanted
        assert found and await read_all(History(pool, objects), rows[-1]["position"], ["evt.identity.nothing.like_it.v1"]) == []


async def test_a_domain_reaches_no_table_of_the_log(dsn: str) -> None:
    conn = await asyncpg.connect(dsn, user="studio_app", password=PASSWORD)
    try:
        for statement in ("select * from log.events", "select * from log.archives", "select * from log.head"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetch(statement)
    finally:
        await conn.close()
