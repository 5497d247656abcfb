"""All that the manifests of a group of parts are made of: what never changes is kept in memory, the rest read in a few statements."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.render.plan import located
from consumers.render.rows import JobSpec, Part
from consumers.runtime.tools import Ask
from contracts.message import PLATFORM
from contracts.node import PROTOCOL
from contracts.spec import RenderSpec, SceneSpec

Ref = tuple[UUID, UUID]  # tenant and job, part or file
K = TypeVar("K")
V = TypeVar("V")
_q = sql.load("render")
MOST_SPECS, MOST_FILES, MOST_OVER, MOST_NODES = 500, 20_000, 1000, 5000


class Known:
    """What the effects of a process remember from one dispatch to the next."""

    def __init__(self) -> None:
        self.specs: dict[Ref, RenderSpec] = {}  # a job's spec is frozen
        self.files: dict[tuple[UUID, str], str] = {}  # the first file with a content stands for it, for ever
        self.protocols: dict[tuple[UUID, int], int] = {}  # by node and its registration, which never speaks another
        self.over: dict[UUID, None] = {}  # leases that nodes were told to stop lately

    def end(self, part_id: UUID) -> None:
        """A node is told to stop this part."""
        self.over[part_id] = None
        bound(self.over, MOST_OVER)


class Shelf:
    """Rows by what they are asked by; made by `fill`."""

    def __init__(self) -> None:
        self.specs: dict[Ref, RenderSpec] = {}
        self.objects: dict[Ref, list[asyncpg.Record]] = {}  # by job, in the video's order
        self.files: dict[tuple[UUID, str], str] = {}  # by tenant and SHA-256
        self.inspections: dict[Ref, str] = {}
        self.frames: dict[Ref, int] = {}  # of which scene's frame a snapshot is
        self.needs: dict[UUID, set[str]] = {}  # SHA-256 of the files that a part works with
        self.protocols: dict[tuple[UUID, int], int] = {}  # by node and registration
        self.signed: dict[str, str] = {}  # addresses to read that were signed already, by object

    def protocol(self, part: Part) -> int:
        """The protocol of a part's node. A lease of an earlier registration is void: whatever its node is sent will not count."""
        return self.protocols.get((part.node_id, part.node_epoch), PROTOCOL)


async def active(ask: Ask, wanted: Iterable[Part]) -> set[UUID]:
    """Which of these leases have not ended."""
    return {row["part_id"] for row in await ask(_q.active_of, *_columns(((part.tenant_id, part.part_id) for part in wanted), 2))}


async def fill(ask: Ask, known: Known, wanted: Sequence[Part]) -> Shelf:
    """Read all that these parts need."""
    shelf = Shelf()
    await _protocols_of(ask, known, shelf, {(part.node_id, part.node_epoch) for part in wanted})
    filmed = [part for part in wanted if part.kind != "inspect"]
    await _specs_of(ask, known, shelf, {_ref(part) for part in filmed if part.kind != "snapshot"})
    if pictured := {_ref(part) for part in wanted if part.kind == "snapshot"}:
        for row in await ask(_q.snapshots, *_columns(pictured, 2)):
            ref = row["tenant_id"], row["snapshot_id"]
            shelf.specs[ref], shelf.frames[ref] = msgspec.json.decode(row["spec"], type=RenderSpec), row["frame"]
    if joined := {_ref(part) for part in wanted if part.kind == "assemble"}:
        for row in await ask(_q.job_objects, *_columns(joined, 2)):
            shelf.objects.setdefault((row["tenant_id"], row["job_id"]), []).append(row)
    if opened := {_ref(part) for part in wanted if part.kind == "inspect"}:
        for row in await ask(_q.inspections, *_columns(opened, 2)):
            shelf.inspections[row["tenant_id"], row["file_id"]] = row["object_key"]
    shelf.needs = {part.part_id: _needed(shelf, part) for part in filmed}
    await _files_of(ask, known, shelf, {(part.tenant_id, sha) for part in filmed for sha in shelf.needs[part.part_id]})
    return shelf


def _needed(shelf: Shelf, part: Part) -> set[str]:
    spec = shelf.specs[_ref(part)]
    if part.kind == "assemble":
        return {track.file for track in spec.audio}
    scenes = {located(spec, place)[0] for place in part.places} if part.kind == "render" else range(len(spec.scenes))
    return {sha for at in scenes for sha in _named(spec.scenes[at])} | set(spec.fonts)


def _named(scene: SceneSpec) -> set[str]:
    return {scene.bundle, *scene.pictures.values()}


async def _specs_of(ask: Ask, known: Known, shelf: Shelf, refs: set[Ref]) -> None:
    shelf.specs = _kept(known.specs, refs)
    if unknown := refs - shelf.specs.keys():
        for row in await ask(_q.job_specs, *_columns(unknown, 2)):
            job = msgspec.json.decode(row[0], type=JobSpec)
            shelf.specs[job.tenant_id, job.job_id] = known.specs[job.tenant_id, job.job_id] = job.spec
        bound(known.specs, MOST_SPECS)


async def _files_of(ask: Ask, known: Known, shelf: Shelf, refs: set[tuple[UUID, str]]) -> None:
    shelf.files = _kept(known.files, refs)
    if unknown := refs - shelf.files.keys():
        for row in await ask(_q.files, *_columns(unknown, 2)):
            shelf.files[row["tenant_id"], row["sha256"]] = known.files[row["tenant_id"], row["sha256"]] = row["object_key"]
        bound(known.files, MOST_FILES)


async def _protocols_of(ask: Ask, known: Known, shelf: Shelf, refs: set[tuple[UUID, int]]) -> None:
    shelf.protocols = _kept(known.protocols, refs)
    if unknown := refs - shelf.protocols.keys():
        for row in await ask(_q.node_protocols, PLATFORM, [node_id for node_id, _ in unknown]):
            at = row["node_id"], row["epoch"]
            shelf.protocols[at] = known.protocols[at] = row["protocol"]
        bound(known.protocols, MOST_NODES)


def _ref(part: Part) -> Ref:
    return part.tenant_id, part.subject_id


def _kept(known: dict[K, V], wanted: set[K]) -> dict[K, V]:
    return {ref: known[ref] for ref in wanted & known.keys()}


def bound(known: dict[Any, Any], most: int) -> None:
    """Forget what was learned first, until no more than `most` is known."""
    while len(known) > most:
        del known[next(iter(known))]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as one list for each column, as unnest takes them."""
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
