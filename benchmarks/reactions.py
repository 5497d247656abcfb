"""Reactions: a domain that is added to a long log, a tenth of which it learns, until it reads the feed; beside reading the same alone."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from adapters.nats import PullConsumer, StreamReader
from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import Ground, servers
from consumers.log import Sequencer
from consumers.runtime.genuine import genuine
from consumers.runtime.history import History
from consumers.runtime.pool import Connections
from consumers.runtime.reaction_cursors import PAGE
from consumers.runtime.reactions import ears_of
from consumers.runtime.runtime import Runtime
from contracts.catalogue import EVENTS, LOG_API, command_stream, subjects_of
from contracts.chain import GENESIS, chained
from contracts.file_mgr.files import FileReady
from contracts.message import encode, type_of
from contracts.render.jobs import JobStarted
from deploy.consume import pg_connect
from deploy.domains import domain_named

DOMAIN = "studio"
TENTH = 10  # one event of so many is learned
TENANTS = 100
SPARE = 100_000  # positions in partitions behind the log's end
BOUNDS = (Bound("value", least=20_000.0),)
LIMIT = (
    "some 65 us of Python and PostgreSQL in turn for each event that is learned (decoding, folding, its row), and 3 us of PostgreSQL for "
    "each event of the log, which it filters by type"
)


async def measure(quick: bool) -> list[Figure]:
    """Events per second from the first start until the domain has learned all and reads the feed."""
    events = 100_000 if quick else 1_000_000
    async with servers() as ground:
        await _fill(ground, events)
        async with _sequenced(ground, events):
            seconds = await _caught_up(ground, events)
            floor = await _read(ground, events)
    return [figure("reactions", events / seconds, "events/s", events / floor, BOUNDS, LIMIT)]


def _events(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of the log, chained."""
    last, now = GENESIS, datetime.now(UTC)
    tenants = [uuid4() for _ in range(TENANTS)]
    for position in range(1, count + 1):
        learned = position % TENTH == 0
        event: Any = JobStarted(job_id=uuid4())
        if learned:
            sizes = {"bytes": 1, "width": 640, "height": 360, "duration": 0.0}
            event = FileReady(file_id=uuid4(), kind="picture", sha256="0" * 64, scan_key="", **sizes)
        values = _values(event, tenants[position % TENANTS], now)
        made = chained(last, position, values)
        yield (position, *values, last, made)
        last = made


def _values(event: Any, tenant: UUID, now: datetime) -> tuple[Any, ...]:
    identity = uuid4()
    name = type_of(event).full_name
    return (identity, name, tenant, now, "system", identity, identity, "a/1", 1, "", encode(event).decode())


async def _fill(ground: Ground, events: int) -> None:
    """Write the log as it stands after so many events, published."""
    conn = await asyncpg.connect(ground.servers.pg_admin_dsn)
    while await conn.fetchval("select log.make_part(250_000)") < events + SPARE:
        pass
    await conn.copy_records_to_table("events", schema_name="log", records=_events(events))
    await conn.execute(
        "update log.head set position = last.position, hash = last.hash from log.events last where last.position = $1", events
    )
    await conn.execute("analyze log.events")
    await conn.close()


class _sequenced:
    """The sequencer beside what is measured, with EVENTS as a window on the log's end."""

    def __init__(self, ground: Ground, events: int) -> None:
        self._ground, self._events = ground, events

    async def __aenter__(self) -> None:
        nc = await self._ground.nats("log")
        sequencer = Sequencer(lambda: pg_connect(self._ground.settings("log"), "log_app"), nc)
        self._running = asyncio.create_task(sequencer.run())
        conn = await asyncpg.connect(self._ground.servers.pg_admin_dsn)
        while await conn.fetchval("select published from log.head") < self._events:
            if self._running.done():
                self._running.result()
            await asyncio.sleep(0.05)
        await conn.close()

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


async def _caught_up(ground: Ground, events: int) -> float:
    """Seconds until the domain's runtime has learned the log and reads the feed."""
    nc, settings, domain = await ground.nats(DOMAIN), ground.settings(DOMAIN), domain_named(DOMAIN)
    connections = Connections(lambda role: pg_connect(settings, role), most=4, each=4)
    pool = connections.of(f"{DOMAIN}_app")
    subjects = subjects_of(dict.fromkeys(event for one in domain.reacts for event in one.events))

    async def feed(cursor: int) -> StreamReader:
        return StreamReader(nc, EVENTS, cursor, subjects=subjects, knows=lambda last: genuine(pool, last), prefix=LOG_API)

    commands = [PullConsumer(nc, command_stream(DOMAIN), DOMAIN)]
    history = History(pool, None)  # type: ignore[arg-type]
    runtime = Runtime(domain, nc, lambda: pg_connect(settings, f"{DOMAIN}_app"), commands, feed, history)
    began = time.perf_counter()
    running = asyncio.create_task(runtime.run())
    while not runtime.listening.is_live:
        if running.done():
            running.result()
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - began
    conn = await ground.postgres(f"{DOMAIN}_app")
    learned = await conn.fetchval("select count(*) from studio.known_files")
    if learned != events // TENTH:
        raise RuntimeError(f"{learned} of {events // TENTH} files were learned")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await conn.close()
    await connections.close()
    return seconds


async def _read(ground: Ground, events: int) -> float:
    """Seconds to read what is learned from history, and nothing else."""
    connections = Connections(lambda role: pg_connect(ground.settings(DOMAIN), role), most=2, each=2)
    history = History(connections.of(f"{DOMAIN}_app"), None)  # type: ignore[arg-type]
    domain, at, began = domain_named(DOMAIN), 0, time.perf_counter()
    types = ears_of(domain.reacts).types({one.name for one in domain.reacts})
    while at < events:
        at = (await history.read(at, events, types, most=PAGE)).reached
    seconds = time.perf_counter() - began
    await connections.close()
    return seconds
