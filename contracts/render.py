"""render: jobs, the segments they need, the parts that nodes are given. Nodes: contracts/farm.py; repairs: contracts/repair.py."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from contracts.fields import AnyMoment, Metadata, ObjectKey
from contracts.message import Command, Event, Tick, message
from contracts.spec import Needs, Quality, RenderSpec, Warning, Warnings
from contracts.visibility import Public

PartKind = Literal["render", "inspect", "snapshot", "assemble"]
Edge = Annotated[str, msgspec.Meta(max_length=400, description="A frame's luma, 16 x 9 averages, in base64; empty if not known")]
PartEnd = Literal["done", "failed", "expired", "cancelled"]
PartState = Literal["active", "done", "failed", "expired", "cancelled"]
JobState = Literal["awaiting_credit", "queued", "rendering", "assembling", "completed", "failed", "cancelled"]
DrawState = Literal["ready", "drawing", "done"]
"""Of a segment."""
InspectionState = Literal["queued", "assigned", "ended"]
Priority = Annotated[int, msgspec.Meta(ge=0, le=100)]
Deadline = Annotated[
    datetime, msgspec.Meta(tz=True, extra={"must": "must be a moment with its offset from UTC, as in 2026-05-01T12:00:00Z"})
]


class PlannedSegment(msgspec.Struct, frozen=True, array_like=True):
    """One closed GOP of a scene, under its content key."""

    key: Public[str]  # 64 hex digits
    scene: Public[int]  # position in the spec
    first: Public[int]  # first frame, counted from the scene's start
    count: Public[int]


DEADLINES = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""What every clock and database can hold in any time zone. One that has passed is allowed: what is late goes first."""


def deadline_fault(deadline: datetime | None) -> str:
    """What is wrong with a deadline, with its bounds; nothing when it can be."""
    if deadline is None:
        return ""
    first, last = DEADLINES
    return "" if first <= deadline <= last else f"deadline must be from {first:%Y-%m-%d} to {last:%Y-%m-%d}, not {deadline.isoformat()}"


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a render."""

    job_id: UUID
    state: JobState


class PauseAnswer(JobAnswer, frozen=True, kw_only=True):
    """Whether a render is paused."""

    paused: bool


class RescheduleAnswer(JobAnswer, frozen=True, kw_only=True):
    """A render's place in its tenant's queue."""

    priority: int
    deadline: Annotated[datetime, msgspec.Meta(tz=True)] | None


@message("render.job.submit")
class SubmitJob(Command, frozen=True, kw_only=True):
    """A frozen render arrives at the farm."""

    job_id: UUID
    spec: RenderSpec
    spec_sha256: str
    priority: int
    deadline: datetime | None = None
    needs: Needs = Needs()
    warnings: tuple[Warning, ...] = ()
    metadata: dict[str, Any] = {}


@message("render.job.submitted", public=True)
class JobSubmitted(Event, frozen=True, kw_only=True):
    """A job waits in the queue; nothing is planned until a node with an engine is there."""

    job_id: Public[UUID]
    spec: Public[RenderSpec]
    spec_sha256: Public[str]
    priority: Public[int]
    frames_total: Public[int]
    width: Public[int]
    height: Public[int]
    rate_num: Public[int]
    rate_den: Public[int]
    quality: Public[Quality]
    has_voiceover: Public[bool]
    warnings: Warnings
    metadata: Metadata
    deadline: Public[AnyMoment | None] = None
    needs: Public[Needs] = Needs()


@message("render.job.plan")
class PlanJob(Command, frozen=True, kw_only=True):
    """Cut a job into segments for the builds that the farm's nodes have now."""

    job_id: UUID


@message("render.job.planned")
class JobPlanned(Event, frozen=True, kw_only=True):
    """A job is bound to one engine build and one encoder build."""

    job_id: UUID
    engine_build: str
    encoder_build: str
    segments_total: Public[int]
    segments_done: Public[int]  # already there from earlier renders
    frames_done: int


@message("render.segment.planned")
class SegmentsPlanned(Event, frozen=True, kw_only=True):
    """A run of a job's segments, from position `offset` on; at most 400."""

    job_id: UUID
    offset: Public[int]
    segments: Public[tuple[PlannedSegment, ...]]
    done: tuple[int, ...] = ()  # positions whose segments were there already


@message("render.job.started", public=True)
class JobStarted(Event, frozen=True, kw_only=True):
    """The first part of a job was given to a node."""

    job_id: Public[UUID]


@message("render.job.advanced", public=True)
class JobAdvanced(Event, frozen=True, kw_only=True):
    """Another percent of the job's segments is there; a job of a hundred or fewer says so with each."""

    job_id: Public[UUID]
    segments_done: Public[int]
    frames_done: Public[int]


@message("render.job.assembling", public=True)
class JobAssembling(Event, frozen=True, kw_only=True):
    """Every segment is there; the export is being joined."""

    job_id: Public[UUID]


@message("render.job.completed", public=True)
class JobCompleted(Event, frozen=True, kw_only=True):
    """The export lies in storage and was verified packet by packet; duration in seconds."""

    job_id: Public[UUID]
    object_key: ObjectKey
    sha256: Public[str]
    bytes: Public[int]
    frames: Public[int]
    duration: Public[float]
    packets_sha256: Public[str]  # over the payloads of all video packets, in order
    degraded: Public[bool]
    metadata: Metadata = {}


@message("render.job.failed", public=True)
class JobFailed(Event, frozen=True, kw_only=True):
    """A job ended without an export."""

    job_id: Public[UUID]
    code: Public[str]
    detail: Public[str]
    field: Public[str] = ""
    metadata: Metadata = {}


@message("render.job.cancel")
class CancelJob(Command[JobAnswer], frozen=True, kw_only=True):
    """Stop a job; what it drew stays for reuse."""

    job_id: UUID


@message("render.job.cancelled", public=True)
class JobCancelled(Event, frozen=True, kw_only=True):
    """A job was stopped on request."""

    job_id: Public[UUID]
    metadata: Metadata = {}


@message("render.job.pause")
class PauseJob(Command[PauseAnswer], frozen=True, kw_only=True):
    """Give a job no more slots; parts that are in work are finished."""

    job_id: UUID


@message("render.job.paused", public=True)
class JobPaused(Event, frozen=True, kw_only=True):
    """A job gets no slots until it is resumed."""

    job_id: Public[UUID]


@message("render.job.resume")
class ResumeJob(Command[PauseAnswer], frozen=True, kw_only=True):
    """Let a paused job go on."""

    job_id: UUID


@message("render.job.resumed", public=True)
class JobResumed(Event, frozen=True, kw_only=True):
    """A paused job gets slots again."""

    job_id: Public[UUID]


@message("render.job.reschedule")
class RescheduleJob(Command[RescheduleAnswer], frozen=True, kw_only=True):
    """Change a job's priority or deadline; what is not given stays."""

    job_id: UUID
    priority: Priority | None = None
    deadline: Deadline | None = None


@message("render.job.rescheduled", public=True)
class JobRescheduled(Event, frozen=True, kw_only=True):
    """A job's place in its tenant's queue changed."""

    job_id: Public[UUID]
    priority: Public[int]
    deadline: Public[AnyMoment | None]


@message("render.job.fail")
class FailJob(Command, frozen=True, kw_only=True):
    """End a job that cannot be drawn: its template was set aside."""

    job_id: UUID
    code: str
    detail: str


@message("render.part.assign")
class AssignPart(Command, frozen=True, kw_only=True):
    """The scheduler's choice: this work to this node's free slot."""

    kind: PartKind
    subject_id: UUID  # the job, or the inspected file
    node_id: UUID
    node_epoch: int  # the registration that offered the slot
    first: int = 0  # position of the first segment in the job
    count: int = 0
    keys: tuple[str, ...] = ()  # of the segments; without them they are looked up
    places: tuple[int, ...] = ()  # and where in the job each stands


@message("render.part.assigned")
class PartAssigned(Event, frozen=True, kw_only=True):
    """A node holds the lease of a part."""

    part_id: UUID
    kind: Public[PartKind]
    subject_id: UUID
    node_id: Public[UUID]
    node_epoch: int
    epoch: Public[int]
    first: Public[int]
    count: Public[int]
    keys: tuple[str, ...]  # the segments' content keys
    places: tuple[int, ...] = ()  # and where in the job each stands


@message("render.part.ended")
class PartEnded(Event, frozen=True, kw_only=True):
    """A lease is over; reports under it are refused from now on."""

    part_id: UUID
    kind: Public[PartKind]
    subject_id: UUID
    node_id: UUID
    end: Public[PartEnd]
    detail: Public[str] = ""
    returned: Public[tuple[str, ...]] = ()  # keys of segments that wait again
    retry_after: Public[float] = 0.0  # seconds until the work is given out again: a failure's backoff
    avoid: bool = False  # what waits again goes to another node first


@message("render.part.expire")
class ExpirePart(Command, frozen=True, kw_only=True):
    """The node no longer works on this part."""

    part_id: UUID
    reason: str


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


@message("render.inspection.request")
class RequestInspection(Command, frozen=True, kw_only=True):
    """Have an uploaded file opened on a node."""

    file_id: UUID
    name: str
    bytes: int
    object_key: str
    sha256: str = ""  # as it was announced, if it was


@message("render.inspection.requested")
class InspectionRequested(Event, frozen=True, kw_only=True):
    """A file waits for a node that opens it."""

    file_id: UUID
    name: str
    bytes: int
    object_key: ObjectKey
    sha256: str = ""


@message("render.inspection.ended")
class InspectionEnded(Event, frozen=True, kw_only=True):
    """A file was opened on a node, or could not be."""

    file_id: UUID
    kind: str
    sha256: str
    bytes: int
    object_key: ObjectKey
    width: int
    height: int
    duration: float
    scan_key: ObjectKey
    code: str
    detail: str


@message("render.job.progressed", public=True)
class JobProgress(Tick, frozen=True, kw_only=True):
    """Frames drawn so far, a few times a second while a job runs; lossy."""

    job_id: Public[UUID]
    frames_done: Public[int]
    frames_total: Public[int]
    frames_per_second: Public[float]
    seconds_left: Public[float | None]
    nodes: Public[dict[str, int]]  # node name to the frame of the video that it draws
