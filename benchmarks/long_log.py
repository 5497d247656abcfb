"""A long log over archives and partitions: read whole by an event stream, by pages and by a replay, and by a tenant with next to nothing.

Only when asked for by name: it takes some minutes.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from api_edge.access_log import AccessLog
from api_edge.events import public_types
from api_edge.main import running
from api_edge.secret_texts import secret_hash, secret_text
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.ground import Ground, servers
from consumers.log.append import Appender
from consumers.log.archive import Archiver
from consumers.log.keeping import Keeper
from consumers.runtime.leading import Line, clock
from contracts.chain import chained
from contracts.identity import TenantCreated, TenantLimitsChanged
from contracts.ids import moment_id
from contracts.message import encode, type_of

EVENTS, QUICK = 2_000_000, 100_000
PART = 8  # partitions of a log
KEPT = timedelta(days=90)
AGE = timedelta(days=200)  # of the first event
LARGE, IDLE = UUID(int=0xA), UUID(int=0xB)  # a tenant with half of all events, and one with three
OTHERS = [uuid4() for _ in range(200)]
CREATED, CHANGED = type_of(TenantCreated).full_name, type_of(TenantLimitsChanged).full_name
CREATED_BODY = encode(TenantCreated(name="t", render_weight=1, max_slots=64, requests_per_second=100_000)).decode()
CHANGED_BODY = encode(TenantLimitsChanged(render_weight=1, max_slots=64, requests_per_second=100_000)).decode()
LIMIT = "one core for an edge or a replay, which decode each event; an archived piece is fetched, checked and unpacked for a page"
IN_A_CHILD = """
import asyncio, json, resource, sys
from adapters.object_store import ObjectStore
from deploy.replay import verify
async def main(dsn, *store):
    async with ObjectStore(*store) as objects:
        report = await verify(dsn, store=objects)
    assert report.equal, report
    print(json.dumps([report.events, report.seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
asyncio.run(main(*sys.argv[1:]))
"""


async def measure(quick: bool) -> list[Figure]:
    """Events read per second by each reader, an idle tenant's read in milliseconds, a replay's memory at a quarter of it and at all."""
    events = QUICK if quick else EVENTS
    async with servers() as ground:
        log = _Log(ground, events)
        await log.begin()
        await log.fill(events // 4)
        await log.archive()
        early = await log.replay()
        await log.fill(events - events // 4)
        archived = await log.archive()
        whole = await log.replay()
        idle = await log.idle()
        stream, pages = await log.over_http()
    print(f"{archived:,} of {events:,} events in archives … ", end="", flush=True)
    return [
        figure("long_log.stream", stream, "events/s", 0.0, [], LIMIT),
        figure("long_log.pages", pages, "events/s", 0.0, [], LIMIT),
        figure("long_log.replay", whole[0] / whole[1], "events/s", 0.0, [], LIMIT),
        figure("long_log.idle", idle, "ms", 0.0, [Bound("value", most=5.0)], LIMIT),
        figure("long_log.memory", whole[2], "MB", early[2], [Bound("ratio", most=1.5)], LIMIT),
    ]


class _Log:
    def __init__(self, ground: Ground, events: int) -> None:
        self._ground, self._events = ground, events
        self._settings = ground.settings("edge")
        self._position, self._hash = 0, ""
        self._last: dict[UUID, tuple[int, datetime, datetime]] = {}  # of each tenant: its version, when it was made and changed

    async def begin(self) -> None:
        """Partitions as a log of this length has."""
        self._db = await asyncpg.connect(self._ground.servers.pg_admin_dsn)
        await self._db.execute("truncate log.events")
        for row in await self._db.fetch("delete from log.parts returning first"):
            await self._db.execute(f"drop table log.events_{row['first']}")
        for _ in range(PART + 1):
            await self._db.execute("select log.make_part($1)", self._events // PART)
        await self._db.execute("update log.head set position = 0, published = 0, first = 1, hash = repeat('0', 64)")
        self._hash = await self._db.fetchval("select hash from log.head")

    async def fill(self, count: int) -> None:
        """So many events more, chained as the sequencer does, and the rows that they give."""
        await self._db.copy_records_to_table("events", schema_name="log", records=self._rows(count))
        await self._db.execute("update log.head set position = $1, published = $1, hash = $2", self._position, self._hash)
        await self._db.execute("delete from identity.tenants")
        await self._db.execute("vacuum analyze log.events")
        rows = [(tenant, version, made, changed, "t", 1, 64, 100_000) for tenant, (version, made, changed) in self._last.items()]
        await self._db.copy_records_to_table("tenants", schema_name="identity", records=rows)

    def _rows(self, count: int) -> Iterator[tuple[Any, ...]]:
        began, step = datetime.now(UTC) - AGE, AGE / self._events
        for _ in range(count):
            self._position += 1
            time = (began + self._position * step).replace(microsecond=0)
            tenant = self._tenant(self._position)
            known = self._last.get(tenant)
            self._last[tenant] = (known[0] + 1, known[1], time) if known else (1, time, time)
            kind, body = (CHANGED, CHANGED_BODY) if known else (CREATED, CREATED_BODY)
            id = moment_id(time, tenant, str(self._position))
            values = (id, kind, tenant, time, "key:bench", id, id, "tenants", self._last[tenant][0], "", body)
            before, self._hash = self._hash, chained(self._hash, self._position, values)
            yield (self._position, *values, before, self._hash)

    def _tenant(self, position: int) -> UUID:
        if position in (10, self._events // 2, self._events - 10):
            return IDLE
        return LARGE if position % 2 else OTHERS[position // 2 % len(OTHERS)]

    async def archive(self) -> int:
        """What the log's leader archives of it; answers how many events that are in all."""
        reading, writing = await self._ground.postgres("log_app"), await self._ground.postgres("log_app")
        async with self._store() as store:
            line = Line(writing, clock())
            await Keeper(lambda: self._ground.postgres("log_app"), store, 90).look_up(reading, line, Appender(writing))
            while await Archiver(reading, line, store).archive(datetime.now(UTC) - KEPT) is not None:
                pass
        await self._db.execute("select log.drop_retired(interval '0')")
        for conn in (reading, writing):
            await conn.close()
        return int(await self._db.fetchval("select coalesce(max(last), 0) from log.archives"))

    def _store(self) -> ObjectStore:
        return ObjectStore(*self._place())

    def _place(self) -> list[str]:
        given = self._settings
        return [given.s3_url, given.s3_bucket, given.s3_access_key, given.s3_secret_key.get_secret_value()]

    async def replay(self) -> tuple[int, float, float]:
        """Events, seconds and the peak of memory in MB of `replay --verify` in a process of its own."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", IN_A_CHILD, self._ground.servers.pg_admin_dsn, *self._place(), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await child.communicate()
        return msgspec.json.decode(said, type=tuple[int, float, float])

    async def idle(self) -> float:
        """Milliseconds in the database for the whole of what a tenant asks that has three events, the median of ten times."""
        q = sql.load("read")
        password = self._settings.pg_password_of("edge_ro")
        conn = await asyncpg.connect(self._settings.pg_dsn, user="edge_ro", password=password)
        took: list[float] = []
        for _ in range(10):
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                begin = await conn.fetchrow(q.begin_read, str(IDLE))
                took.append(
                    await _timed(conn, q.begin_read, str(IDLE))
                    + await _timed(conn, q.ranges_of_tenant, IDLE, 0, begin["first"] - 1)
                    + await _timed(conn, q.log_of_tenant, IDLE, public_types(), begin["first"] - 1, None, 51),
                )
        await conn.close()
        return median(took)

    async def over_http(self) -> tuple[float, float]:
        """Events per second of the large tenant's event stream from the beginning, and of its pages of 500."""
        key_id, secret = uuid4(), uuid4().hex
        await self._db.execute(
            "insert into identity.tenant_api_keys values ($1,$2,1,$3,$3,'bench','[\"*\"]',$4,'','active',2)",
            LARGE, key_id, datetime.now(UTC), secret_hash(secret),
        )  # fmt: skip
        async with running(self._settings, AccessLog(None)) as (edge, url):
            while edge.lacks:
                await asyncio.sleep(0.01)
            headers = {"Authorization": f"Bearer {secret_text('fr', key_id, secret)}"}
            async with aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(None)) as http:
                return await self._streamed(http), await self._paged(http)

    async def _streamed(self, http: aiohttp.ClientSession) -> float:
        wanted = self._last[LARGE][0]
        began, seen = time.perf_counter(), 0
        async with http.get("/v1/events", headers={"Last-Event-ID": "0"}) as answer:
            async for piece in answer.content.iter_any():
                seen += piece.count(b"\nevent: ")
                if seen >= wanted:
                    break
        return seen / (time.perf_counter() - began)

    async def _paged(self, http: aiohttp.ClientSession) -> float:
        began, seen, cursor = time.perf_counter(), 0, ""
        while cursor is not None:
            async with http.get(f"/v1/log?limit=500{cursor}") as answer:
                page = await answer.json()
            seen += len(page["data"])
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        if seen != self._last[LARGE][0]:
            raise RuntimeError(f"{seen} of {self._last[LARGE][0]} events were on the pages")
        return seen / (time.perf_counter() - began)


async def _timed(conn: asyncpg.Connection, statement: str, *args: Any) -> float:
    """Milliseconds of planning and execution in the database."""
    told = msgspec.json.decode(await conn.fetchval(f"explain (analyze, format json) {statement}", *args))[0]
    return float(told["Planning Time"] + told["Execution Time"])
