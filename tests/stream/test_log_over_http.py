"""Clients read the log over HTTP as one sequence: the table, and behind it their own pieces of the archives; a page is bounded."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from adapters.nats import Connection
from adapters.object_store import ObjectStore
from adapters.settings import Settings
from deploy.local.servers import Servers
from tests.stream.edges import KeyedEdge, edge_over
from tests.stream.sequencing import TENANT, happen, running, until_published
from tests.stream.support import Login
from tests.support.logs import archive, parts_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
OTHER = UUID("bbbbbbbb-0000-4000-8000-000000000001")


@pytest_asyncio.fixture(loop_scope="session")
async def admin(log_admin: Connection) -> Connection:
    """The administrator of the account where EVENTS lies."""
    return log_admin


@pytest_asyncio.fixture(loop_scope="session")
async def ids(servers: Servers, admin: Connection, login: Login, db: asyncpg.Connection, log_dsn: str) -> AsyncIterator[list[UUID]]:
    """A log of two tenants, of which two partitions are archived and a third is full; the ids of the caller's events."""
    await parts_of(db, 40, 4)
    async with running(log_dsn, await login("log")) as sequencer:
        made: list[UUID] = []
        for number in range(15):
            made += await happen(db, 8)
            await happen(db, 2, tenant=OTHER)
            await until_published(sequencer, 10 * (number + 1))
        while await db.fetchval("select published from log.head") < 150:
            await asyncio.sleep(0.01)
    # The edge's own bucket.
    async with ObjectStore(servers.s3_url, Settings().s3_bucket, servers.s3_access_key, servers.s3_secret_key) as store:
        await store.ensure_bucket()
        assert await archive(log_dsn, store, most=15, parts=2) == [1, 41]
    yield made


@pytest_asyncio.fixture(loop_scope="session")
async def keyed_edge(servers: Servers, database: str, db: asyncpg.Connection, admin: Connection) -> AsyncIterator[KeyedEdge]:
    """An edge over the same servers."""
    async with edge_over(servers, database, db) as running_edge:
        yield running_edge


async def pages(keyed_edge: KeyedEdge, query: str) -> list[dict[str, Any]]:
    """Every page of GET /v1/log."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        status, page, _ = await keyed_edge.ask(f"/v1/log?{query}{cursor}")
        assert status == 200, page
        found.append(page)
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_log_of_a_tenant_is_read_whole_page_by_page(ids: list[UUID], keyed_edge: KeyedEdge) -> None:
    for limit in (7, 500):
        rows = [row for page in await pages(keyed_edge, f"limit={limit}") for row in page["data"]]
        assert [row["event_id"] for row in rows] == [str(id) for id in ids]
    rows = [row for page in await pages(keyed_edge, "limit=9&after=33&type=render.job.sta") for row in page["data"]]
    assert [row["event_id"] for row in rows] == [str(id) for id in ids][27:]


async def test_an_event_stream_resumes_from_archives_and_goes_on_live(
    ids: list[UUID],
    keyed_edge: KeyedEdge,
    db: asyncpg.Connection,
    login: Login,
    log_dsn: str,
) -> None:
    async with keyed_edge.stream(**{"Last-Event-ID": "12"}) as (answer, got):
        assert answer.status == 200
        async with running(log_dsn, await login("log")) as sequencer:
            live = await happen(db, 5)
            await until_published(sequencer, 155)
            wanted = [str(id) for id in [*ids[10:], *live]]
            while len(got) < len(wanted):
                await asyncio.sleep(0.01)
    assert [id for _, id in got] == wanted


async def test_a_page_for_which_much_is_looked_at_may_be_empty_and_says_how_far_it_came(
    db: asyncpg.Connection, keyed_edge: KeyedEdge
) -> None:
    await db.execute(
        "insert into log.events select g, gen_random_uuid(), case when g in (450, 1100) then 'evt.render.job.failed.v1' "
        "else 'evt.render.job.started.v1' end, $1, now(), 'a', $1, $1, 'a', 1, '', '{}', 'a', 'b' from generate_series(1, 1200) g",
        TENANT,
    )
    found = await pages(keyed_edge, "type=render.job.failed")
    assert [[row["position"] for row in page["data"]] for page in found] == [[450], [], [1100]]
    nothing = await pages(keyed_edge, "type=render.repair.ended")
    assert [page["data"] for page in nothing] == [[], [], []]
    async with aiohttp.ClientSession(keyed_edge.url, headers=keyed_edge.headers) as http, http.get("/openapi.json") as answer:
        described = json.loads(await answer.text())["paths"]["/v1/log"]["get"]["parameters"]
    assert "without any row may still have a `next_cursor`" in next(one["description"] for one in described if one["name"] == "cursor")
