"""Faults of ours while customers work: what cannot be done waits, what can is done, and who asks is told at once what is known."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.e2e.support_http import Answer, Http, Json

pytestmark = pytest.mark.timeout(240)  # the first of them starts the product
UPLOAD: Json = {"name": "a.txt", "bytes": 10}
KEY: Json = {"name": "k", "scopes": ["log:read"]}


@pytest_asyncio.fixture(loop_scope="session")
async def http(stack: Stack) -> AsyncIterator[Http]:
    """The first key's requests."""
    async with Http(stack.url, stack.api_key) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def admin(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """The database's administrator."""
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    yield conn
    await conn.close()


async def until(ask: Callable[[], Awaitable[Answer]], status: int, code: str = "") -> Answer:
    """Ask until it is answered like this."""
    while (answer := await ask()).status != status or (code and answer.json["code"] != code):
        await asyncio.sleep(0.2)
    return answer


async def test_a_column_that_is_gone_parks_what_needs_it_until_it_comes_back(http: Http, admin: asyncpg.Connection) -> None:
    began = await admin.fetchval("select now()")
    await admin.execute("alter table file_mgr.upload_sessions rename column name to gone")
    try:
        asked = await http.send("POST", "/v1/uploads", UPLOAD, Prefer="respond-async", Idempotency_Key="parked-upload")
        assert asked.status == 202
        other = await http.send("POST", "/v1/api-keys", KEY)
        assert other.status == 201, other
        await asyncio.sleep(1.5)  # it is tried once or twice meanwhile
        pending = await http.send("GET", asked.headers["Location"])
        assert pending.json["state"] == "pending", pending
    finally:
        await admin.execute("alter table file_mgr.upload_sessions rename column gone to name")
    while (done := await http.send("GET", asked.headers["Location"])).json["state"] == "pending":
        await asyncio.sleep(0.2)
    assert done.json["state"] == "done", done
    again = await http.send("POST", "/v1/uploads", UPLOAD, Idempotency_Key="parked-upload")
    assert again.json["upload_id"] == done.json["body"]["upload_id"]
    assert await admin.fetchval("select count(*) from file_mgr.inbox where state = 'quarantined' and decided_at > $1", began) == 0


async def test_a_domain_that_can_do_nothing_is_told_at_once_and_the_others_go_on(http: Http, admin: asyncpg.Connection) -> None:
    await admin.execute("alter table identity.inbox rename column outcome to gone")
    try:
        accepted = await http.send("POST", "/v1/api-keys", KEY, Prefer="respond-async")
        assert accepted.status in (202, 503)
        refused = await until(lambda: http.send("POST", "/v1/api-keys", KEY, Prefer="respond-async"), 503, "unavailable.identity")
        assert "gone" not in refused.json["detail"] and refused.headers["Retry-After"]
        assert (await http.send("POST", "/v1/uploads", UPLOAD)).status == 201
    finally:
        await admin.execute("alter table identity.inbox rename column gone to outcome")
    made = await until(lambda: http.send("POST", "/v1/api-keys", KEY), 201)
    assert made.json["key_id"]
    if accepted.status == 202:
        while (done := await http.send("GET", accepted.headers["Location"])).json["state"] == "pending":
            await asyncio.sleep(0.2)
        assert done.json["state"] == "done"
