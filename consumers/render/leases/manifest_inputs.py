"""What the manifests of a group of parts are made of: what never changes is kept in memory, the rest read in a few statements."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

import sql
from consumers.runtime.tools import Ask
from contracts.message import PLATFORM
from contracts.node import PROTOCOL
from contracts.render.jobs import JobSpec
from contracts.render.parts import Part
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


class ManifestInputs:
    """What was read for a group of parts."""

    def __init__(self) -> None:
        self.specs: dict[Ref, RenderSpec] = {}  # by tenant and subject
        self.rows: dict[UUID, list[asyncpg.Record]] = {}  # by part: what its kind has read for it alone
        self.files: dict[tuple[UUID, str], str] = {}  # by tenant and SHA-256
        self.needs: dict[UUID, set[str]] = {}  # SHA-256 of the files that a part works with
        self.protocols: dict[tuple[UUID, int], int] = {}  # by node and registration
        self.signed: dict[str, str] = {}  # addresses to read that were signed already, by object

    def spec(self, part: Part) -> RenderSpec:
        """What a part is of."""
        return self.specs[ref(part)]

    def protocol(self, part: Part) -> int:
        """The protocol of a part's node. A lease of an earlier registration is void: whatever its node is sent will not count."""
        return self.protocols.get((part.node_id, part.node_epoch), PROTOCOL)


async def active(ask: Ask, wanted: Iterable[Part]) -> set[UUID]:
    """Which of these leases have not ended."""
    return {row["part_id"] for row in await ask(_q.active_of, *_columns(((part.tenant_id, part.part_id) for part in wanted), 2))}


async def read_rows(ask: Ask, inputs: ManifestInputs, parts: Sequence[Part], statement: str, subject: str) -> None:
    """Read the rows of these parts' subjects, which the column `subject` names, for each part its own."""
    found: dict[Ref, list[asyncpg.Record]] = {}
    for row in await ask(statement, *_columns({ref(part) for part in parts}, 2)):
        found.setdefault((row["tenant_id"], row[subject]), []).append(row)
    for part in parts:
        inputs.rows[part.part_id] = found.get(ref(part), [])


async def read_specs(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    """What the jobs are to draw of which these are parts."""
    wanted = {ref(part) for part in parts}
    inputs.specs |= _kept(known.specs, wanted)
    if unknown := wanted - inputs.specs.keys():
        for row in await ask(_q.job_specs, *_columns(unknown, 2)):
            job = msgspec.json.decode(row[0], type=JobSpec)
            inputs.specs[job.tenant_id, job.job_id] = known.specs[job.tenant_id, job.job_id] = job.spec
        bound(known.specs, MOST_SPECS)


async def read_files(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    """Where the files lie that these parts need."""
    wanted = {(part.tenant_id, sha) for part in parts for sha in inputs.needs[part.part_id]}
    inputs.files = _kept(known.files, wanted)
    if unknown := wanted - inputs.files.keys():
        for row in await ask(_q.files, *_columns(unknown, 2)):
            inputs.files[row["tenant_id"], row["sha256"]] = known.files[row["tenant_id"], row["sha256"]] = row["object_key"]
        bound(known.files, MOST_FILES)


async def read_protocols(ask: Ask, known: Known, inputs: ManifestInputs, parts: Sequence[Part]) -> None:
    """What the nodes speak that hold these parts."""
    wanted = {(part.node_id, part.node_epoch) for part in parts}
    inputs.protocols = _kept(known.protocols, wanted)
    if unknown := wanted - inputs.protocols.keys():
        for row in await ask(_q.node_protocols, PLATFORM, [node_id for node_id, _ in unknown]):
            at = row["node_id"], row["epoch"]
            inputs.protocols[at] = known.protocols[at] = row["protocol"]
        bound(known.protocols, MOST_NODES)


def named_by(scene: SceneSpec) -> set[str]:
    """SHA-256 of the files that a scene is drawn of, its fonts aside."""
    return {scene.bundle, *scene.pictures.values()}


def ref(part: Part) -> Ref:
    """What a part is of, among all tenants' jobs, files and pictures."""
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
