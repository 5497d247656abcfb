"""Rebuilds the scheduler's picture from the event tables."""

import json

import asyncpg

import sql
from consumers.render.farm import Farm, NodeState, PartState

_q = sql.load("render")


async def rebuild(conn: asyncpg.Connection, now: float) -> Farm:
    """The farm as the last commit left it; every node counts as heard now."""
    farm = Farm()
    async with conn.transaction(readonly=True):
        await conn.execute("set local app.tenants = '*'")
        for row in await conn.fetch(_q.active_nodes):
            builds = (row["engine_build"], row["encoder_build"])
            farm.nodes[row["node_id"]] = NodeState(row["node_id"], row["name"], row["epoch"], row["slots"], builds, now)
        await _parts(conn, farm, now)
        await _jobs(conn, farm)
        for row in await conn.fetch(_q.open_inspections):
            farm.inspections[row["tenant_id"], row["file_id"]] = None
    return farm


async def _parts(conn: asyncpg.Connection, farm: Farm, now: float) -> None:
    for row in await conn.fetch(_q.active_parts):
        keys = tuple(json.loads(row["keys"]))
        part = PartState(
            row["part_id"], row["tenant_id"], row["node_id"], row["node_epoch"], row["kind"], row["subject_id"], keys, now, True
        )
        farm.parts[part.part_id] = part
        node = farm.nodes.get(part.node_id)
        if node is not None and node.epoch == part.node_epoch:
            node.busy.add(part.part_id)


async def _jobs(conn: asyncpg.Connection, farm: Farm) -> None:
    for row in await conn.fetch(_q.open_jobs):
        ref = (row["tenant_id"], row["job_id"])
        job = farm.add_job(ref, row["priority"])
        if row["segments_total"] == 0:
            farm.unplanned[ref] = None
        else:
            job.builds = (row["engine_build"], row["encoder_build"])
        if row["state"] == "assembling" and row["assemble_part_id"] is None:
            farm.assembling[ref] = None
    for row in await conn.fetch(_q.open_segments):
        if row["state"] == "drawing":
            farm.drawing.add((row["tenant_id"], row["segment_key"]))
        farm.add_segment((row["tenant_id"], row["job_id"]), row["idx"], row["segment_key"])
