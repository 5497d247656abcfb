"""The scheduler's picture made anew from 100,000 waiting parts, as when another process takes over, beside reading the rows alone."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import asyncpg

import sql
from benchmarks.figures import Bound, Figure, figure
from benchmarks.ground import Ground, servers
from consumers.render.jobs.tables import JOB_SEGMENTS, JOB_SPECS, JOBS
from consumers.render.leases.lease import SEGMENTS
from consumers.render.scheduling.rebuild import rebuild
from consumers.runtime.table import Table
from contracts.entity import Row
from contracts.render.jobs import Job, JobSpec
from contracts.render.segments import JobSegment, Segment
from contracts.spec import RenderSpec, SceneSpec

TENANTS, OF_A_JOB = 20, 500
BOUNDS = (Bound("value", most=5.0),)
LIMIT = "one Python process: decoding the rows and entering each waiting segment once; while it lasts the render domain decides nothing"


async def measure(quick: bool) -> list[Figure]:
    """Seconds until the picture is there, and the parts in it."""
    parts = 10_000 if quick else 100_000
    async with servers() as ground:
        await _fill(ground, parts)
        conn = await ground.postgres("render_app")
        floor = await _read(conn)
        began = time.perf_counter()
        farm = await rebuild(conn, 0.0)
        seconds = time.perf_counter() - began
        await conn.close()
    found = sum(len(job.waiting) for job in farm.jobs.values())
    if found != parts:
        raise RuntimeError(f"{found} of {parts} parts wait in the picture")
    return [figure("rebuild", seconds, "s", floor, BOUNDS, LIMIT)]


async def _read(conn: asyncpg.Connection) -> float:
    began = time.perf_counter()
    async with conn.transaction(readonly=True):
        await conn.execute("set local app.tenants = '*'")
        await conn.fetch(sql.load("render").open_segments)
    return time.perf_counter() - began


async def _fill(ground: Ground, parts: int) -> None:
    """Planned jobs of several tenants, each of whose segments is a part that waits."""
    conn = await ground.postgres("render_app")
    tenants = [uuid4() for _ in range(TENANTS)]
    for number in range(parts // OF_A_JOB):
        job, when = uuid4(), {"tenant_id": tenants[number % TENANTS], "version": 1, "created_at": _NOW, "updated_at": _NOW}
        scene = SceneSpec(scene="bench", bundle=sha256(job.bytes).hexdigest(), digest="", frames=OF_A_JOB, duration=float(OF_A_JOB))
        spec = RenderSpec(scenes=(scene,), width=640, height=360, rate_num=1, rate_den=1)
        keys = [sha256(f"{job} {idx}".encode()).hexdigest() for idx in range(OF_A_JOB)]
        await _insert(conn, JOBS, [Job(**when, job_id=job, **_JOB)])
        await _insert(conn, JOB_SPECS, [JobSpec(**when, job_id=job, spec=spec)])
        await _insert(conn, SEGMENTS, (Segment(**when, segment_key=key, frames=1) for key in keys))
        places = (JobSegment(**when, job_id=job, idx=idx, segment_key=key, scene=0, first=idx, frames=1) for idx, key in enumerate(keys))
        await _insert(conn, JOB_SEGMENTS, places)
    await conn.execute("analyze render.segments, render.job_segments, render.render_jobs")
    await conn.close()


async def _insert(conn: asyncpg.Connection, table: Table[Any], rows: Iterable[Row]) -> None:
    await conn.execute(table.insert_sql, *table.rows_given(list(rows)))


_NOW = datetime.now(UTC)
_JOB: dict[str, Any] = {
    "state": "rendering",
    "spec_sha256": "",
    "priority": 50,
    "width": 640,
    "height": 360,
    "rate_num": 1,
    "rate_den": 1,
    "quality": "standard",
    "has_voiceover": False,
    "frames_total": OF_A_JOB,
    "segments_total": OF_A_JOB,
    "warnings": (),
    "metadata": {},
    "engine_build": "engine",
    "encoder_build": "encoder",
}
