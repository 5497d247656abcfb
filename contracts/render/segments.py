"""Segments: planned, and verified once."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Event, message
from contracts.spec import Warning, Warnings
from contracts.visibility import Public

DrawState = Literal["ready", "drawing", "done"]
Edge = Annotated[str, msgspec.Meta(max_length=400, description="A frame's luma, 16 x 9 averages, in base64; empty if not known")]


class PlannedSegment(msgspec.Struct, frozen=True, array_like=True):
    """One closed GOP of a scene, under its content key."""

    key: Public[str]  # 64 hex digits
    scene: Public[int]  # position in the spec
    first: Public[int]  # first frame, counted from the scene's start
    count: Public[int]


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
    frames: Annotated[int, msgspec.Meta(gt=0)]
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
    seam_before: Edge = ""  # the frames between which it stands, see SegmentVerified
    seam_last: Edge = ""
    avoid: tuple[UUID, ...] = ()  # nodes on which its drawing failed
    repair_id: UUID | None = None  # the open repair that has it drawn again
    warnings: tuple[Warning, ...] = ()  # what its node noticed; of a scene's first segment all that there is


JOB_SEGMENTS = Entity(
    "render.job_segments",
    JobSegment,
    key=("job_id", "idx"),
    about="which segment stands where in which job",
    indexes=(("segment_key",),),
    view=None,
    newest=False,
)
SEGMENTS = Entity(
    "render.segments",
    Segment,
    key=("segment_key",),
    about="closed GOPs by content key: drawn once, used by every job that needs them",
    view=None,
    newest=False,
)


@message("render.segment.planned")
class SegmentsPlanned(Event, frozen=True, kw_only=True):
    """A run of a job's segments, from position `offset` on; at most 400."""

    job_id: UUID
    offset: Public[int]
    segments: Public[tuple[PlannedSegment, ...]]
    done: tuple[int, ...] = ()  # positions whose segments were there already
    again: bool = False  # in place of those that were planned there before


class Advance(msgspec.Struct, frozen=True):
    """How far a job under way is."""

    job_id: Public[UUID]
    segments_done: Public[int]
    frames_done: Public[int]


@message("render.segment.verified")
class SegmentVerified(Event, frozen=True, kw_only=True):
    """A segment was drawn, checked and accepted, once."""

    key: str
    part_id: UUID
    node_id: UUID
    epoch: int
    object_key: ObjectKey
    sha256: str
    bytes: int
    frames: Public[int]
    difference: float  # worst mean difference of the small luma pictures, 0 to 255
    seconds: float  # what drawing took
    degraded: Public[bool]
    before: Edge = ""  # the scene's frame before the first one, as its node drew it
    last: Edge = ""  # the last frame, as decoded
    jobs: tuple[Advance, ...] = ()  # that waited for it and are further now; beyond 100 a JobAdvanced says so
    ends: Public[bool] = False  # it is the last of its part, whose lease is over
    warnings: Warnings = ()  # what its node noticed while it made the scene ready
