"""Manifests: all that a node needs for a part, with addresses that work for an hour."""

from typing import Any

import asyncpg

from adapters.object_store import ObjectStore
from consumers.render.places import export_place, scan_place, segment_place, snapshot_place
from consumers.render.plan import located
from consumers.render.rows import Part
from consumers.render.shelf import Shelf
from contracts.node import Manifest, SceneTask, SegmentTask, StoredSegment
from contracts.spec import RenderSpec

LIVES = 3600  # seconds that an address works
CREATES = 3  # the first protocol whose nodes send the headers that an address was signed with


def render(shelf: Shelf, part: Part, objects: ObjectStore) -> Manifest:
    """The segments to draw, scene by scene, and the files that they use."""
    spec = shelf.specs[part.tenant_id, part.subject_id]
    scenes: dict[int, list[SegmentTask]] = {}
    for place, segment in sorted(zip(part.places, part.keys, strict=True)):
        scene, first, count = located(spec, place)
        key = segment_place(part.tenant_id, segment, part.epoch, part.part_id)
        task = SegmentTask(key=segment, first=first, count=count, put_url=_put(key, shelf, part, objects), object_key=key)
        scenes.setdefault(scene, []).append(task)
    tasks = [SceneTask(spec=spec.scenes[at], frame_offset=_offset(spec, at), segments=tuple(scenes[at])) for at in scenes]
    return _with_look(spec, files=_files(shelf, part, objects), fonts=spec.fonts, scenes=tuple(tasks))


def assemble(shelf: Shelf, part: Part, objects: ObjectStore) -> Manifest:
    """The verified segments in order, the sounds, and where the export goes."""
    spec = shelf.specs[part.tenant_id, part.subject_id]
    rows = shelf.objects.get((part.tenant_id, part.subject_id), [])
    segments = tuple(_stored(row, _address(row["object_key"], shelf, objects)) for row in rows)
    key = export_place(part.tenant_id, part.subject_id, part.epoch, part.part_id)
    return _with_look(
        spec,
        files=_files(shelf, part, objects),
        segments=segments,
        audio=spec.audio,
        put_url=_put(key, shelf, part, objects),
        object_key=key,
        degraded=any(row["degraded"] for row in rows),
    )


def inspect(shelf: Shelf, part: Part, objects: ObjectStore) -> Manifest:
    """The uploaded file, and where the finding goes."""
    source, key = shelf.inspections[part.tenant_id, part.subject_id], scan_place(part.tenant_id, part.subject_id, part.part_id)
    return Manifest(source_url=objects.presign_get(source, LIVES), put_url=_put(key, shelf, part, objects), object_key=key)


def snapshot(shelf: Shelf, part: Part, objects: ObjectStore) -> Manifest:
    """The scene and its frame, and where the picture goes."""
    spec = shelf.specs[part.tenant_id, part.subject_id]
    key = snapshot_place(part.tenant_id, part.subject_id, part.epoch, part.part_id)
    return _with_look(
        spec,
        files=_files(shelf, part, objects),
        fonts=spec.fonts,
        scenes=tuple(SceneTask(spec=scene, frame_offset=0, segments=()) for scene in spec.scenes),
        frame=shelf.frames[part.tenant_id, part.subject_id],
        put_url=_put(key, shelf, part, objects),
        object_key=key,
    )


MANIFESTS = {"render": render, "assemble": assemble, "inspect": inspect, "snapshot": snapshot}


def _put(key: str, shelf: Shelf, part: Part, objects: ObjectStore) -> str:
    """Where a result goes: once, unless the node speaks a protocol in which it could not say so."""
    return objects.presign_put(key, LIVES, replaces=shelf.protocol(part) < CREATES)


def _files(shelf: Shelf, part: Part, objects: ObjectStore) -> dict[str, str]:
    there = ((sha, shelf.files.get((part.tenant_id, sha))) for sha in sorted(shelf.needs[part.part_id]))
    return {sha: _address(key, shelf, objects) for sha, key in there if key is not None}


def _address(key: str, shelf: Shelf, objects: ObjectStore) -> str:
    """Where to read an object: the parts of a group have most of theirs in common."""
    if (address := shelf.signed.get(key)) is None:
        address = shelf.signed[key] = objects.presign_get(key, LIVES)
    return address


def _offset(spec: RenderSpec, position: int) -> int:
    return sum(scene.frames for scene in spec.scenes[:position])


def _stored(row: asyncpg.Record, address: str) -> StoredSegment:
    edges = {} if row["degraded"] else {"before": row["seam_before"], "last": row["seam_last"]}
    return StoredSegment(get_url=address, sha256=row["sha256"], frames=row["frames"], key=row["segment_key"], **edges)


def _with_look(spec: RenderSpec, **more: Any) -> Manifest:
    look = {name: getattr(spec, name) for name in ("width", "height", "rate_num", "rate_den", "quality", "background")}
    return Manifest(**look, **more)
