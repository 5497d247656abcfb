"""Replaying: a realistic log into fresh tables and compared with the live ones, beside reading the log and copying it elsewhere."""

import time

import asyncpg

from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import Ground, servers
from deploy.replay import verify
from sql.migrate import set_role_passwords
from tests.support import in_process
from tests.support.sample_history import SampleHistory

BOUNDS = (Bound("value", least=20_000.0), Bound("ratio", least=0.35))
LIMIT = (
    "some 26 us of one Python process (reading, decoding, projecting, copying, hashing) and 30 us of PostgreSQL (the chain, the rows "
    "twice, making and dropping the empty database, which counts the less the longer the log is) for each event, on two cores"
)


async def measure(quick: bool) -> list[Figure]:
    """Events per second of `replay --verify`, from the first look to the verdict."""
    async with servers() as ground:
        dsn = ground.servers.pg_admin_dsn
        await _history(ground, tenants=150 if quick else 500)
        report = await verify(dsn)
        if not report.equal:
            raise RuntimeError(f"the log and the tables differ: {report}")
        floor = await _copied(dsn)
    return [figure("replay", report.events / report.seconds, "events/s", report.events / floor, BOUNDS, LIMIT)]


async def _history(ground: Ground, tenants: int) -> None:
    """Templates, files, renders and what goes wrong with them, decided by the real domains without a broker."""
    conn = await asyncpg.connect(ground.servers.pg_admin_dsn)
    await set_role_passwords(conn, in_process.PASSWORD)
    await conn.close()
    async with in_process.InProcessDomains(ground.servers.pg_admin_dsn) as domains:
        await SampleHistory(domains, tenants=tenants, jobs=2, seconds=8.0).tell()
        await domains.sequence()


async def _copied(dsn: str) -> float:
    """Seconds to read the log and copy it, text by text, into a table without indexes."""
    conn, target = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await target.execute("create table floor (position bigint, type text, tenant_id uuid, time timestamptz, body text)")
    began = time.perf_counter()
    async with conn.transaction():
        cursor = await conn.cursor("select position, type, tenant_id, time, body from log.events order by position")
        while rows := await cursor.fetch(1000):
            await target.copy_records_to_table("floor", records=rows)
    seconds = time.perf_counter() - began
    await target.execute("drop table floor")
    await conn.close()
    await target.close()
    return seconds
