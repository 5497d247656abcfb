"""What the edge's statements take in the database: each over a tenant with a hundred thousand rows and one with ten, at any depth."""

import asyncio
from collections import defaultdict
from typing import Any

import asyncpg
import msgspec

import sql
from api_edge.reading import EVERY_TENANT, SESSION
from benchmarks.figures import Bound, Figure, figure, percentile
from benchmarks.filling import literal
from benchmarks.ground import Ground, servers
from benchmarks.library import WHOLE, Library

ROWS, QUICK = 100_000, 10_000
TIMES = 20  # of each statement with each of its parameters
BOUNDS = (Bound("value", most=2.0),)
LIMIT = "a page's rows, each found by its place in an index; under plans for all parameters, as the edge has them"


async def measure(quick: bool) -> list[Figure]:
    """The slowest hundredth, in milliseconds of execution, of the statement that has the slowest, and of all."""
    async with servers() as ground:
        library = await _filled(ground, QUICK if quick else ROWS)
        password = ground.settings("edge").pg_password_of("edge_ro")
        conn = await asyncpg.connect(ground.settings("edge").pg_dsn, user="edge_ro", password=password, server_settings=SESSION)
        await conn.execute("select set_config('app.tenants', $1, false)", EVERY_TENANT)
        took = await _all(conn, library)
        await conn.close()
    each = {name: percentile(times, 0.99) for name, times in took.items()}
    slowest = sorted(each, key=lambda name: -each[name])
    print(", ".join(f"{name} {each[name]:.2f}" for name in slowest[:5]), "ms … ", end="", flush=True)
    everything = [one for times in took.values() for one in times]
    return [
        figure("listings.slowest.p99", each[slowest[0]], "ms", 0.0, BOUNDS, f"{slowest[0]}: {LIMIT}"),
        figure("listings.p99", percentile(everything, 0.99), "ms", 0.0, BOUNDS, LIMIT),
    ]


async def _filled(ground: Ground, rows: int) -> Library:
    admin = await asyncpg.connect(ground.servers.pg_admin_dsn)
    library = Library(admin, rows)
    await library.fill()
    await library.look_up()
    await admin.execute("vacuum analyze")
    await admin.execute("checkpoint")
    await admin.close()
    return library


async def _all(conn: asyncpg.Connection, library: Library) -> dict[str, list[float]]:
    took: dict[str, list[float]] = defaultdict(list)
    q, cases = sql.load("read"), list(library.cases())
    for name in {name for name, _ in cases}:
        await conn.execute(f"prepare {name} as {getattr(q, name)}")
    for turn in range(TIMES + 1):
        for name, args in cases:
            milliseconds = await timed(conn, name, args)
            if turn:  # the first plans, which a connection does once
                took[name].append(milliseconds)
        await asyncio.sleep(0)
    assert not set(took) & set(WHOLE)
    return took


async def timed(conn: asyncpg.Connection, name: str, args: tuple[Any, ...]) -> float:
    """Milliseconds of planning and execution of a prepared statement in the database."""
    given = f"({', '.join(map(literal, args))})" if args else ""
    told = msgspec.json.decode(await conn.fetchval(f"explain (analyze, timing off, format json) execute {name}{given}"))[0]
    return float(told["Planning Time"] + told["Execution Time"])
