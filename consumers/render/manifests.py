"""Manifests: all that a node needs for a part, with addresses that work for an hour."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

import sql
from adapters.object_store import ObjectStore
from consumers.render.places import export_place, scan_place, segment_place
from consumers.render.rows import JobSpec, Part
from contracts.node import Manifest, SceneTask, SegmentTask, StoredSegment
from contracts.spec import RenderSpec, SceneSpec

LIVES = 3600  # seconds that an address works
_q = sql.load("render")


async def render(conn: asyncpg.Connection, part: Part, objects: ObjectStore) -> Manifest:
    """The segments to draw, scene by scene, and the files that they use."""
    spec = await _spec(conn, part.tenant_id, part.subject_id)
    rows = await conn.fetch(_q.part_segments, part.tenant_id, part.subject_id, part.first, part.first + part.count, part.part_id)
    scenes: dict[int, list[SegmentTask]] = {}
    for row in sorted(rows, key=lambda row: row["idx"]):
        key = segment_place(part.tenant_id, row["segment_key"], part.epoch, part.part_id)
        task = SegmentTask(
            key=row["segment_key"], first=row["first"], count=row["frames"], put_url=objects.presign_put(key, LIVES), object_key=key
        )
        scenes.setdefault(row["scene"], []).append(task)
    used = [spec.scenes[position] for position in scenes]
    files = await _files(conn, part.tenant_id, objects, {sha for scene in used for sha in _named(scene)} | set(spec.fonts))
    tasks = [SceneTask(spec=spec.scenes[at], frame_offset=_offset(spec, at), segments=tuple(scenes[at])) for at in scenes]
    return _with_look(spec, files=files, fonts=spec.fonts, scenes=tuple(tasks))


async def assemble(conn: asyncpg.Connection, part: Part, objects: ObjectStore) -> Manifest:
    """The verified segments in order, the sounds, and where the export goes."""
    spec = await _spec(conn, part.tenant_id, part.subject_id)
    rows = await conn.fetch(_q.job_objects, part.tenant_id, part.subject_id)
    addresses = {row["object_key"]: objects.presign_get(row["object_key"], LIVES) for row in rows}
    segments = tuple(StoredSegment(get_url=addresses[row["object_key"]], sha256=row["sha256"], frames=row["frames"]) for row in rows)
    key = export_place(part.tenant_id, part.subject_id, part.epoch, part.part_id)
    files = await _files(conn, part.tenant_id, objects, {track.file for track in spec.audio})
    degraded = any(row["degraded"] for row in rows)
    return _with_look(
        spec, files=files, segments=segments, audio=spec.audio, put_url=objects.presign_put(key, LIVES), object_key=key, degraded=degraded
    )


async def inspect(conn: asyncpg.Connection, part: Part, objects: ObjectStore) -> Manifest:
    """The uploaded file, and where the finding goes."""
    row = await conn.fetchrow(_q.inspection, part.tenant_id, part.subject_id)
    key = scan_place(part.tenant_id, part.subject_id, part.part_id)
    return Manifest(source_url=objects.presign_get(row["object_key"], LIVES), put_url=objects.presign_put(key, LIVES), object_key=key)


MANIFESTS = {"render": render, "assemble": assemble, "inspect": inspect}


def _named(scene: SceneSpec) -> set[str]:
    return {scene.bundle, *scene.pictures.values()}


def _offset(spec: RenderSpec, position: int) -> int:
    return sum(scene.frames for scene in spec.scenes[:position])


def _with_look(spec: RenderSpec, **more: Any) -> Manifest:
    look = {name: getattr(spec, name) for name in ("width", "height", "rate_num", "rate_den", "quality", "background")}
    return Manifest(**look, **more)


async def _spec(conn: asyncpg.Connection, tenant: UUID, job_id: UUID) -> RenderSpec:
    return msgspec.json.decode(await conn.fetchval(_q.job_with_spec, tenant, job_id), type=JobSpec).spec


async def _files(conn: asyncpg.Connection, tenant: UUID, objects: ObjectStore, names: set[str]) -> dict[str, str]:
    rows = await conn.fetch(_q.files, tenant, sorted(names))
    return {row["sha256"]: objects.presign_get(row["object_key"], LIVES) for row in rows}
