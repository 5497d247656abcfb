"""Everything that the manifests of a group of parts are made of, read from the domain's tables in a few statements."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.render.rows import JobSpec, Part
from contracts.spec import RenderSpec, SceneSpec

Ref = tuple[UUID, UUID]  # tenant and job, part or file
_q = sql.load("render")
_specs: dict[Ref, RenderSpec] = {}  # frozen, so they may be kept
MOST_SPECS = 500


class Shelf:
    """Rows by what they are asked by; made by `fill`."""

    def __init__(self) -> None:
        self.specs: dict[Ref, RenderSpec] = {}
        self.segments: dict[UUID, list[asyncpg.Record]] = {}  # by part, in the video's order
        self.objects: dict[Ref, list[asyncpg.Record]] = {}  # by job, in the video's order
        self.files: dict[tuple[UUID, str], str] = {}  # by tenant and SHA-256
        self.inspections: dict[Ref, str] = {}


async def parts(conn: asyncpg.Connection, refs: Iterable[Ref]) -> dict[UUID, Part]:
    """Leases by id; those that are not there are left out."""
    rows = await conn.fetch(_q.parts, *_columns(refs, 2))
    found = [msgspec.json.decode(row[0], type=Part) for row in rows]
    return {part.part_id: part for part in found}


async def fill(conn: asyncpg.Connection, wanted: Iterable[Part]) -> Shelf:
    """Read all that these parts need."""
    shelf, by_kind = Shelf(), _by_kind(wanted)
    await _specs_of(conn, shelf, by_kind["render"] + by_kind["assemble"])
    if drawn := by_kind["render"]:
        keys = [(part.tenant_id, part.part_id, part.subject_id, part.first, part.first + part.count) for part in drawn]
        for row in await conn.fetch(_q.part_segments, *_columns(keys, 5)):
            shelf.segments.setdefault(row["part_id"], []).append(row)
        for rows in shelf.segments.values():
            rows.sort(key=lambda row: int(row["idx"]))
    if joined := by_kind["assemble"]:
        for row in await conn.fetch(_q.job_objects, *_columns({(part.tenant_id, part.subject_id) for part in joined}, 2)):
            shelf.objects.setdefault((row["tenant_id"], row["job_id"]), []).append(row)
    if opened := by_kind["inspect"]:
        for row in await conn.fetch(_q.inspections, *_columns({(part.tenant_id, part.subject_id) for part in opened}, 2)):
            shelf.inspections[row["tenant_id"], row["file_id"]] = row["object_key"]
    if files := {(part.tenant_id, sha) for part in by_kind["render"] + by_kind["assemble"] for sha in needed(shelf, part)}:
        for row in await conn.fetch(_q.files, *_columns(files, 2)):
            shelf.files[row["tenant_id"], row["sha256"]] = row["object_key"]
    return shelf


def needed(shelf: Shelf, part: Part) -> set[str]:
    """SHA-256 of the files that a part works with."""
    spec = shelf.specs[part.tenant_id, part.subject_id]
    if part.kind == "assemble":
        return {track.file for track in spec.audio}
    scenes = {row["scene"] for row in shelf.segments.get(part.part_id, ())}
    return {sha for at in scenes for sha in _named(spec.scenes[at])} | set(spec.fonts)


def _named(scene: SceneSpec) -> set[str]:
    return {scene.bundle, *scene.pictures.values()}


async def _specs_of(conn: asyncpg.Connection, shelf: Shelf, wanted: list[Part]) -> None:
    refs = {(part.tenant_id, part.subject_id) for part in wanted}
    shelf.specs = {ref: _specs[ref] for ref in refs & _specs.keys()}
    if unknown := refs - shelf.specs.keys():
        for row in await conn.fetch(_q.job_specs, *_columns(unknown, 2)):
            kept = msgspec.json.decode(row[0], type=JobSpec)
            shelf.specs[kept.tenant_id, kept.job_id] = _specs[kept.tenant_id, kept.job_id] = kept.spec
        while len(_specs) > MOST_SPECS:
            del _specs[next(iter(_specs))]


def _by_kind(wanted: Iterable[Part]) -> dict[str, list[Part]]:
    kinds: dict[str, list[Part]] = {"render": [], "assemble": [], "inspect": []}
    for part in wanted:
        kinds[part.kind].append(part)
    return kinds


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as one list for each column, as unnest takes them."""
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
