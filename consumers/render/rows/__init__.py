"""The render domain's event tables (migrations 11, 12, 21 and 22)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from consumers.runtime.table import Row, Table
from contracts.fields import Metadata, Moment, ObjectKey
from contracts.file_mgr.files import FileKind
from contracts.render.jobs import JobState
from contracts.render.nodes import Capabilities, CrashKind, NodeState, Service, Suspect
from contracts.render.parts import DrawState, InspectionState, PartKind, PartState
from contracts.render.segments import Edge
from contracts.render.templates import TemplateState
from contracts.spec import Needs, Quality, RenderSpec, Warnings
from contracts.visibility import Public


class Node(Row, frozen=True, kw_only=True):
    """A render node and its latest registration; under the platform tenant."""

    node_id: Public[UUID]
    name: Public[str]
    epoch: int
    state: Public[NodeState]
    slots: Public[Annotated[int, Meta(ge=1, le=256)]]
    engine_build: Public[str]
    encoder_build: Public[str]
    platform: Public[str]
    release: Public[str]
    capabilities: Public[Capabilities] = Capabilities()
    bundles: tuple[str, ...] = ()
    service: Public[Service] = "open"
    service_reason: Public[str] = ""
    service_until: Public[Moment | None] = None  # set_aside: when it is forgiven by itself; else when that was, the last time
    set_asides: int = 0  # in a row
    suspects: tuple[Suspect, ...] = ()  # lately
    protocol: int = 2  # as NodeRegistered said


class Crash(Row, frozen=True, kw_only=True):
    """Something that died on a node; under the platform tenant."""

    crash_id: Public[UUID]
    node_id: Public[UUID]
    kind: Public[CrashKind]
    part_id: Public[UUID | None]
    subject_id: Public[UUID | None]
    template: Public[str]
    signal: Public[int]
    exit_code: Public[int]
    last_frame: Public[int]
    log_tail: Public[str]


class Job(Row, frozen=True, kw_only=True):
    """A render from its submission to its end."""

    job_id: Public[UUID]
    state: Public[JobState] = "queued"
    spec_sha256: str
    priority: Public[Annotated[int, Meta(ge=0, le=100)]]
    width: Public[int]
    height: Public[int]
    rate_num: Public[int]
    rate_den: Public[int]
    quality: Public[Quality]
    has_voiceover: bool
    frames_total: Public[int]
    frames_done: Public[int] = 0
    segments_total: Public[int] = 0
    segments_done: Public[int] = 0
    engine_build: str = ""
    encoder_build: str = ""
    assemble_part_id: UUID | None = None
    assemble_attempts: int = 0
    warnings: Warnings
    metadata: Metadata
    code: Public[str] = ""
    detail: Public[str] = ""
    field: Public[str] = ""
    deadline: Public[Moment | None] = None
    needs: Public[Needs] = Needs()
    paused: Public[bool] = False
    correlation_id: UUID | None = None  # of every event that the job's request caused


class JobSpec(Row, frozen=True, kw_only=True):
    """What a job is to draw."""

    job_id: UUID
    spec: RenderSpec


class Export(Row, frozen=True, kw_only=True):
    """A finished video."""

    job_id: Public[UUID]
    object_key: ObjectKey
    sha256: Public[str]
    bytes: Public[int]
    frames: int
    duration: Public[float]
    packets_sha256: str
    degraded: Public[bool]


class JobSegment(Row, frozen=True, kw_only=True):
    """A job's need of a segment, by its position in the video."""

    job_id: UUID
    idx: int
    segment_key: str
    scene: int
    first: int
    frames: int


class Segment(Row, frozen=True, kw_only=True):
    """One closed GOP under its content key; its bytes are those of the accepted epoch."""

    segment_key: str
    state: DrawState = "ready"
    frames: Annotated[int, Meta(ge=1)]
    part_id: UUID | None = None
    epoch: int = 0
    attempts: int = 0
    node_id: UUID | None = None
    object_key: ObjectKey = ""
    sha256: str = ""
    bytes: int = 0
    difference: float = 0.0
    seconds: float = 0.0
    degraded: bool = False
    seam_before: Edge = ""  # the frames between which it stands, see contracts.render.segments.SegmentVerified
    seam_last: Edge = ""
    avoid: tuple[UUID, ...] = ()  # nodes on which its drawing failed
    repair_id: UUID | None = None  # the open repair that has it drawn again


class Part(Row, frozen=True, kw_only=True):
    """A run of work under one lease."""

    part_id: Public[UUID]
    kind: Public[PartKind]
    subject_id: Public[UUID]
    node_id: Public[UUID]
    node_epoch: int
    epoch: Public[int]
    first: Public[int]
    count: Public[int]
    keys: tuple[str, ...]
    places: tuple[int, ...] = ()  # of each key in the job
    state: Public[PartState] = "active"
    detail: Public[str] = ""


class Inspection(Row, frozen=True, kw_only=True):
    """An uploaded file that a node opens."""

    file_id: UUID
    name: str
    bytes: int
    object_key: ObjectKey
    state: InspectionState = "queued"
    attempts: int = 0
    code: str = ""
    detail: str = ""
    sha256: str = ""  # as it was announced, if it was


class File(Row, frozen=True, kw_only=True):
    """Where the bytes of a file lie that a render may name."""

    sha256: str
    file_id: UUID
    kind: FileKind
    bytes: int
    object_key: ObjectKey


class Template(Row, frozen=True, kw_only=True):
    """A template that ended engines; under its own tenant."""

    template: Public[str]  # the bundle's SHA-256
    state: Public[TemplateState] = "open"
    crashed_on: Public[tuple[UUID, ...]] = ()
    reason: Public[str] = ""


class Share(Row, frozen=True, kw_only=True):
    """A tenant's share of the farm."""

    render_weight: Annotated[int, Meta(ge=1, le=100)]
    max_slots: Annotated[int, Meta(ge=1)]


NODES = Table("render.render_nodes", Node, ("node_id",), (("state",),))
CRASHES = Table("render.node_crashes", Crash, ("crash_id",))
JOBS = Table("render.render_jobs", Job, ("job_id",))
JOB_SPECS = Table("render.job_specs", JobSpec, ("job_id",))
EXPORTS = Table("render.exports", Export, ("job_id",))
JOB_SEGMENTS = Table("render.job_segments", JobSegment, ("job_id", "idx"), (("segment_key",),))
SEGMENTS = Table("render.segments", Segment, ("segment_key",))
PARTS = Table("render.render_parts", Part, ("part_id",), (("subject_id", "state"),))
INSPECTIONS = Table("render.inspections", Inspection, ("file_id",))
FILES = Table("render.files", File, ("sha256",))
TEMPLATES = Table("render.templates", Template, ("template",))
SHARES = Table("render.tenant_shares", Share, ())

ACTIVE: tuple[JobState, ...] = ("awaiting_credit", "queued", "rendering", "assembling")  # a job in one of these states can still end
