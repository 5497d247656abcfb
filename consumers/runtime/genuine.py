"""By what a domain tells the log's own messages from foreign ones: the marks of the present epoch, read from the log's head."""

import asyncio

import asyncpg

import sql
from adapters.nats import Genuine, StreamError
from consumers.runtime.connection import DATABASE_AWAY, POOL_WAIT
from consumers.runtime.pool import Pool
from contracts.chain import Marks

PATIENCE, LOOK = 1.0, 0.02  # seconds until what is not published counts as unknown, and between two looks
_q = sql.load("runtime")


async def genuine(pool: Pool, last: int = 0) -> Genuine:
    """What a StreamReader over EVENTS, or whoever hears its feed, asks of each message; `last` is the position that the stream holds now.

    What the stream holds beyond what is published is not taken: a database that was restored does not know it. A sequencer that is at work
    gets a moment to say so. Raises StreamError while the database is away.
    """
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while (head := await _head(pool))["published"] < last and asyncio.get_running_loop().time() < give_up:
        await asyncio.sleep(LOOK)
    fits, published = Marks(head["epoch"], head["seal"]).fits, int(head["published"])
    if published >= last:
        return fits
    return lambda position, headers, body: not published < position <= last and fits(position, headers, body)


async def _head(pool: Pool) -> asyncpg.Record:
    try:
        async with pool.acquire(timeout=POOL_WAIT) as conn:
            return await conn.fetchrow(_q.log_head)
    except DATABASE_AWAY as error:
        raise StreamError(f"the database, which knows the marks of the log's messages, is away: {error}") from error
