"""Rebuilds the scheduler's picture from the event tables."""

import json
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.render.kinds import KINDS
from consumers.render.scheduling.farm import Farm, NodeState, PartState
from contracts.render.nodes import Capabilities
from contracts.render.repairs import Redrawing
from contracts.spec import Needs

_q = sql.load("render")
_QUEUED = "select '{}' as kind, tenant_id, {} as subject_id, created_at from {} where state = 'queued'"
_QUEUES = [_QUEUED.format(kind.name, kind.queue.table.key[0], kind.queue.table) for kind in KINDS.values() if kind.queue is not None]
_WAITING = f"select kind, tenant_id, subject_id from ({' union all '.join(_QUEUES)}) x order by created_at, subject_id"
"""What waits of the short kinds, oldest first."""


async def rebuild(conn: asyncpg.Connection, now: float) -> Farm:
    """The farm as the last commit left it; every node counts as heard now."""
    farm = Farm()
    async with conn.transaction(readonly=True):
        await conn.execute("set local app.tenants = '*'")
        for row in await conn.fetch(_q.shares):
            farm.tenants.share(row["tenant_id"], row["render_weight"], row["max_slots"])
        await _nodes(conn, farm, now)
        await _parts(conn, farm, now)
        await _jobs(conn, farm)
        await _repairs(conn, farm)
        for row in await conn.fetch(_WAITING):
            farm.short.add(row["kind"], row["tenant_id"], row["subject_id"])
    return farm


async def _nodes(conn: asyncpg.Connection, farm: Farm, now: float) -> None:
    for row in await conn.fetch(_q.active_nodes):
        builds = (row["engine_build"], row["encoder_build"])
        capabilities = msgspec.json.decode(row["capabilities"], type=Capabilities)
        node = NodeState(row["node_id"], row["name"], row["epoch"], row["slots"], builds, now, capabilities, row["service"])
        node.hold(reversed(json.loads(row["bundles"])))
        farm.add_node(node)


async def _parts(conn: asyncpg.Connection, farm: Farm, now: float) -> None:
    for row in await conn.fetch(_q.active_parts):
        keys = tuple(json.loads(row["keys"]))
        farm.occupy(
            PartState(row["part_id"], row["tenant_id"], row["node_id"], row["node_epoch"], row["kind"], row["subject_id"], keys, now, True)
        )


async def _jobs(conn: asyncpg.Connection, farm: Farm) -> None:
    for row in await conn.fetch(_q.open_jobs):
        ref = (row["tenant_id"], row["job_id"])
        job = farm.add_job(ref, row["priority"])
        job.deadline, job.paused, job.correlation = row["deadline"], row["paused"], row["correlation_id"]
        job.needs = msgspec.json.decode(row["needs"], type=Needs)
        job.bundles = tuple(sorted(set(json.loads(row["bundles"]))))
        if row["segments_total"] == 0:
            farm.unplanned[ref] = None
        else:
            farm.plan(job, (row["engine_build"], row["encoder_build"]))
        if row["state"] == "assembling" and row["assemble_part_id"] is None:
            farm.assemble(ref)
    for row in await conn.fetch(_q.open_segments):
        ref = (row["tenant_id"], row["segment_key"])
        if row["state"] == "drawing":
            farm.drawing.add(ref)
        if row["avoid"] != "[]":
            farm.avoid[ref] = msgspec.json.decode(row["avoid"], type=frozenset[UUID])
        farm.add_segment((row["tenant_id"], row["job_id"]), row["idx"], row["segment_key"], row["frames"])


async def _repairs(conn: asyncpg.Connection, farm: Farm) -> None:
    waiting: dict[UUID, list[tuple[int, str, int]]] = {}
    for row in await conn.fetch(_q.repair_segments):
        waiting.setdefault(row["repair_id"], []).append((row["idx"], row["segment_key"], row["frames"]))
    for row in await conn.fetch(_q.open_repairs):
        ref, redrawing = (row["tenant_id"], row["job_id"]), msgspec.json.decode(row["redrawing"], type=Redrawing)
        farm.add_repair(ref, row["repair_id"], redrawing, waiting.get(row["repair_id"], ()))
        if row["state"] == "assembling" and row["assemble_part_id"] is None:
            farm.assemble(ref)
