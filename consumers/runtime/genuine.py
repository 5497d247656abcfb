"""By what a domain tells the log's own messages from foreign ones: the marks of the present epoch, read from the log's head."""

import asyncpg

import sql
from adapters.nats import Genuine, StreamError
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from contracts.chain import Marks

_q = sql.load("runtime")


async def genuine(pool: asyncpg.Pool) -> Genuine:
    """What a StreamReader over EVENTS, or whoever hears its feed, asks of each message. Raises StreamError while the database is away."""
    try:
        async with pool.acquire(timeout=POOL_WAIT) as conn:
            row = await conn.fetchrow(_q.log_head)
    except DATABASE_AWAY as error:
        raise StreamError(f"the database, which knows the marks of the log's messages, is away: {error}") from error
    return Marks(row["epoch"], row["seal"]).fits
