"""Jobs: a film that was asked for, from its plan to its end."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from contracts.entity import Entity, Row
from contracts.fields import AnyMoment, Metadata, Moment, ObjectKey
from contracts.message import Command, Event, Tick, message
from contracts.spec import Needs, Quality, RenderSpec, Warning, Warnings
from contracts.visibility import Public

JobState = Literal["awaiting_credit", "queued", "rendering", "assembling", "completed", "failed", "cancelled"]
ACTIVE: tuple[JobState, ...] = ("awaiting_credit", "queued", "rendering", "assembling")  # a job in one of these states can still end
Priority = Annotated[int, msgspec.Meta(ge=0, le=100)]
Deadline = Annotated[
    datetime, msgspec.Meta(tz=True, extra={"must": "must be a moment with its offset from UTC, as in 2026-05-01T12:00:00Z"})
]


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


class Job(Row, frozen=True, kw_only=True):
    """A render from its submission to its end."""

    job_id: Public[UUID]
    state: Public[JobState] = "queued"
    spec_sha256: str
    priority: Public[Priority]
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


JOBS = Entity("render.render_jobs", Job, key=("job_id",), about="renders from submission to their end", view=None)
JOB_SPECS = Entity("render.job_specs", JobSpec, key=("job_id",), about="what each job is to draw, frozen", view=None, newest=False)
EXPORTS = Entity("render.exports", Export, key=("job_id",), about="finished videos", view=None, newest=False)


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
    """Cut a job into segments for the builds that the farm's nodes have now: one that is not cut yet, or whose own builds are gone."""

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
    again: Public[bool] = False  # the builds that it was begun with are gone: all is drawn with others


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


@message("render.job.warned", public=True)
class JobWarned(Event, frozen=True, kw_only=True):
    """Something of a render will not look as it was meant, as a node noticed while it drew; told once for each code and element."""

    job_id: Public[UUID]
    warnings: Warnings  # beside those that were known before


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


@message("render.job.progressed", public=True)
class JobProgress(Tick, frozen=True, kw_only=True):
    """Frames drawn so far, a few times a second while a job runs; lossy."""

    job_id: Public[UUID]
    frames_done: Public[int]
    frames_total: Public[int]
    frames_per_second: Public[float]
    seconds_left: Public[float | None]
    nodes: Public[dict[str, int]]  # node name to the frame of the video that it draws
