"""How many connections to PostgreSQL an installation's processes take, beside what the server lets in."""

from typing import NamedTuple

from adapters.settings import Settings
from api_edge.handlers.reader import MOST as EDGE
from contracts.domains import DOMAINS

LOG = 2  # the log's lock, led or waited for, and one over which the leader looks up and archives now and then
CHECK = 1  # of the standing check
PERSONS = 6  # the command line: replay with its scratch database, `log --follow`, migrations
_ROOM = """
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int as room,
      (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid())::int as taken
"""


class Room(NamedTuple):
    """What a server lets in besides superusers, and how many are there now."""

    room: int
    taken: int


def of_consumers(pool: int) -> int:
    """Of a process of all domains: each domain's lock, held or waited for, and the pool that they share."""
    return len(DOMAINS) + pool


def needed(pool: int, *, consumers: int = 1, logs: int = 1, edges: int = 1) -> int:
    """The most that so many processes take at once, with what a person does beside them."""
    return consumers * of_consumers(pool) + logs * LOG + edges * EDGE + CHECK + PERSONS


async def room(settings: Settings) -> Room:
    """Ask the server. Raises OSError, TimeoutError and PostgresError."""
    from deploy.consume import pg_connect

    conn = await pg_connect(settings, "edge_ro")
    try:
        return Room(*await conn.fetchrow(_ROOM))
    finally:
        await conn.close()
