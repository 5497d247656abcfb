"""`platform.make_domain`: what it makes is what the domains have that were there before, table by table and right by right."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from contracts.domains import DOMAINS
from tests.support.made_domains import made

NEW = "seventh"


@pytest_asyncio.fixture(loop_scope="session")
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in the shared database, within a transaction that is taken back."""
    conn = await asyncpg.connect(database)
    transaction = conn.transaction()
    await transaction.start()
    yield conn
    await transaction.rollback()
    await conn.close()


@pytest.mark.parametrize("domain", DOMAINS)
async def test_a_domain_that_is_made_is_what_the_others_are(conn: asyncpg.Connection, domain: str) -> None:
    await conn.execute(f"select platform.make_domain('{NEW}')")
    new, old = await made(conn, NEW), await made(conn, domain)
    assert len(new) > 100 and new == old


async def test_a_domain_that_is_made_is_one_of_all_wherever_all_are_shown(conn: asyncpg.Connection) -> None:
    assert await conn.fetchval("select platform.domains()") == sorted(DOMAINS)
    before = {name: await conn.fetchval("select pg_get_viewdef($1::regclass)", f"read.{name}") for name in ("operations", "effects")}
    await conn.execute(f"select platform.make_domain('{NEW}')")
    for name, text in before.items():
        now = await conn.fetchval("select pg_get_viewdef($1::regclass)", f"read.{name}")
        assert f"FROM {NEW}." in now and text.count("SELECT") + 1 == now.count("SELECT")
        assert await conn.fetchval("select has_table_privilege('edge_ro', $1, 'select')", f"read.{name}")


async def test_the_parts_of_the_house_work_with_a_domain_that_is_made_by_its_roles(conn: asyncpg.Connection) -> None:
    await conn.execute(f"select platform.make_domain('{NEW}')")
    await conn.execute("set app.tenants = '*'")
    await conn.execute(f"set role {NEW}_app")
    outbox = f"""insert into {NEW}.outbox
        (event_id, type, tenant_id, time, actor, correlation_id, causation_id, aggregate, version, traceparent, body)
        select gen_random_uuid(), $1, gen_random_uuid(), now(), 'a', gen_random_uuid(), gen_random_uuid(), 'b', 1, '', '{{}}'"""
    await conn.execute(outbox, "evt.seventh.thing.happened.v1")
    with pytest.raises(asyncpg.CheckViolationError):
        async with conn.transaction():
            await conn.execute(outbox, "no subject")
    assert await conn.fetchval(f"update {NEW}.leader set lease = lease + 1 returning lease") == 2
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with conn.transaction():
            await conn.fetch("select 1 from identity.inbox")
    await conn.execute("reset role; set role log_app")
    assert len(await conn.fetch(f"delete from {NEW}.outbox returning id")) == 1
    await conn.execute("reset role; set role edge_ro")
    assert await conn.fetch(f"select 1 from read.operations where domain = '{NEW}'") == []
    await conn.execute("reset role; set role check_app")
    assert await conn.fetch(f"select id, state from {NEW}.inbox") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with conn.transaction():
            await conn.fetch(f"select outcome from {NEW}.inbox")
