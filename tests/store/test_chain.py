"""The chain of the log's table as PostgreSQL proves it: byte for byte what the sequencer chained, whatever the texts are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from contracts.chain import GENESIS, chained
from contracts.runs import CHAINED
from deploy.local.servers import Servers
from deploy.replay import chain_breaks
from tests.support.databases import migrated

EVERY_CHARACTER = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x11000), 0x1F3AC, 0x10FFFF]))
TEXTS = (EVERY_CHARACTER, '{"name":"قالب \\"film\\""}', "", "\\u0041 \\n \\", "</script>\r\n\t\b\f\x7f\u2028", "%s {0} ' E'")
TIMES = (
    datetime(2026, 11, 21, 3, 17, 49, 123456, UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(9999, 12, 31, 23, 59, 58, 999999, UTC),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, 1, UTC),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def awkward(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """A log of awkward events, chained as the sequencer does."""
    async with migrated(servers.pg_admin_dsn) as dsn:
        conn = await asyncpg.connect(dsn)
        await conn.execute("drop index log.events_of_tenant")  # holds types, which are never that long
        last = GENESIS
        for position, (text, time) in enumerate(zip(TEXTS, TIMES, strict=True), 1):
            values: list[Any] = [uuid4(), f"evt.{text}", uuid4(), time, text, uuid4(), uuid4(), text, 2**62 + position, text, text]
            new = chained(last, position, values)
            await _insert(conn, position, [*values, last, new])
            last = new
        yield conn
        await conn.close()


@pytest_asyncio.fixture(loop_scope="session")
async def log(awkward: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """That log; what is changed is taken back."""
    change = awkward.transaction()
    await change.start()
    yield awkward
    await change.rollback()


async def _insert(conn: asyncpg.Connection, position: int, values: list[Any]) -> None:
    columns = ("position", *CHAINED, "prev_hash", "hash")
    marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await conn.execute(f"insert into log.events ({', '.join(columns)}) values ({marks})", position, *values)


async def test_every_character_and_every_time_is_chained_alike_by_the_sequencer_and_by_postgresql(log: asyncpg.Connection) -> None:
    assert await chain_breaks(log, None) == []


@pytest.mark.parametrize(
    "change",
    [
        "event_id = gen_random_uuid()",
        "type = type || ' '",
        "tenant_id = gen_random_uuid()",
        "time = time + interval '1 microsecond'",
        "time = 'infinity'",
        "actor = actor || '\"'",
        "correlation_id = gen_random_uuid()",
        "causation_id = gen_random_uuid()",
        "aggregate = upper(aggregate) || 'x'",
        "version = version + 1",
        "traceparent = traceparent || E'\\x01'",
        "body = body || ' '",
        "prev_hash = upper(prev_hash)",
        "hash = upper(hash)",
    ],
)
async def test_a_change_of_any_column_breaks_the_chain_at_its_position(log: asyncpg.Connection, change: str) -> None:
    await log.execute(f"update log.events set {change} where position = 3")
    (problem,) = await chain_breaks(log, None)
    assert "broken at position 3" in problem


async def test_an_event_that_was_chained_anew_breaks_the_chain_at_the_next(log: asyncpg.Connection) -> None:
    row = dict(await log.fetchrow("select * from log.events where position = 3"))
    forged = chained(row["prev_hash"], 3, [*[row[name] for name in CHAINED[:-1]], "forged"])
    await log.execute("update log.events set body = 'forged', hash = $1 where position = 3", forged)
    (problem,) = await chain_breaks(log, None)
    assert "broken at position 4" in problem
