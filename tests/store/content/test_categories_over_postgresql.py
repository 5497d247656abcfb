"""Categories in the database: as the edge reads them, by tenant, page by page, and again after a replay."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from api_edge.handlers.reader import Reader
from api_edge.routes import statements
from contracts.content.categories import CreateCategory, DeleteCategory, RenameCategory
from deploy.replay import verify
from tests.support.in_process import InProcessDomains
from tests.support.password import PASSWORD

BEGINNING = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=0))


@pytest_asyncio.fixture(loop_scope="session")
async def reader(in_process: InProcessDomains) -> AsyncIterator[Reader]:
    """The edge's own way to the database."""
    found = await Reader.connect(in_process.dsn, PASSWORD)
    yield found
    await found.close()


async def listed(reader: Reader, tenant: UUID, at: tuple[Any, ...] = BEGINNING, limit: int = 10) -> list[dict[str, Any]]:
    return (await reader.run(statements()["categories"], str(tenant), tenant, *at, limit)).rows


async def test_what_is_there_is_listed_newest_first_and_what_is_deleted_is_gone(in_process: InProcessDomains, reader: Reader) -> None:
    tenant = await in_process.tenant()
    ids = [UUID((await in_process.send(CreateCategory(name=name), tenant))["category_id"]) for name in "abc"]
    await in_process.send(RenameCategory(category_id=ids[0], name="first"), tenant)
    await in_process.send(DeleteCategory(category_id=ids[1]), tenant)
    newest, oldest = await listed(reader, tenant)
    assert (newest["name"], oldest["name"], oldest["version"]) == ("c", "first", 2)
    assert [row["category_id"] for row in await listed(reader, tenant, (newest["created_at"], ids[2]))] == [ids[0]]
    by_id = statements()["category_by_id"]
    assert (await reader.run(by_id, str(tenant), tenant, ids[0])).rows == [oldest]
    assert (await reader.run(by_id, str(tenant), tenant, ids[1])).rows == []


async def test_another_tenant_has_names_of_its_own(in_process: InProcessDomains, reader: Reader) -> None:
    one, other = await in_process.tenant(), await in_process.tenant()
    for tenant in (one, other):
        await in_process.send(CreateCategory(name="the same"), tenant)
    assert [row["name"] for row in await listed(reader, other)] == ["the same"]
    assert await listed(reader, uuid4()) == []
    assert (await reader.run(statements()["categories"], str(one), other, *BEGINNING, 10)).rows == [], "row-level security"


async def test_a_replay_gives_the_same_rows(dsn: str) -> None:
    async with InProcessDomains(dsn) as in_process:
        tenant = await in_process.tenant()
        first = UUID((await in_process.send(CreateCategory(name="a"), tenant))["category_id"])
        await in_process.send_all([(RenameCategory(category_id=first, name="b"), tenant), (CreateCategory(name="a"), tenant)])
        await in_process.send_all([(DeleteCategory(category_id=first), tenant), (CreateCategory(name="b"), tenant)])
        await in_process.sequence()
        report = await verify(dsn, list(in_process.domains.values()))
    assert report.equal, report.problems
    assert {table.table: table.live_rows for table in report.tables}["content.categories"] == 3
