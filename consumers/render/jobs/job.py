"""Jobs: submitted, planned on the segment grid, advanced by verified segments, ended by an export, a failure or a person."""

from collections import Counter
from datetime import timedelta
from itertools import zip_longest
from uuid import UUID

from consumers.render.jobs.plan import plan, segment_frames
from consumers.render.jobs.segment_consequences import given_up
from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOB_SPECS, JOBS
from consumers.render.jobs.warnings import told
from consumers.render.leases.kind import Rows
from consumers.render.leases.lease import SEGMENTS, ended_parts
from consumers.render.nodes.fault_attribution import SET_ASIDE, message_of
from consumers.render.nodes.node_control import TEMPLATES
from consumers.render.nodes.registration import NODES
from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.message import PLATFORM, Command, Event
from contracts.render.jobs import (
    ACTIVE,
    CancelJob,
    Job,
    JobAnswer,
    JobAssembling,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPlanned,
    JobSubmitted,
    PlanJob,
    SubmitJob,
)
from contracts.render.segments import PlannedSegment, SegmentsPlanned
from contracts.spec import RenderSpec, Warning
from contracts.studio.renders import RenderRequested

CHUNK = 400  # planned segments in one event: about 40 KB
RETURN_WITHIN = timedelta(minutes=10)  # in which a node that is gone may come back with the builds that it had


def on_render_requested(event: RenderRequested, envelope: Envelope) -> list[Command]:
    """A frozen render becomes a job."""
    return [
        SubmitJob(
            job_id=event.job_id,
            spec=event.spec,
            spec_sha256=event.spec_sha256,
            priority=event.priority,
            deadline=event.deadline,
            needs=event.needs,
            warnings=event.warnings,
            metadata=event.metadata,
        )
    ]


def cost_of(cmd: SubmitJob) -> int:
    """A job is as much work as the segments that it is cut into."""
    step = segment_frames(cmd.spec)
    return 1 + sum(scene.frames // step for scene in cmd.spec.scenes)


def submit(cmd: SubmitJob, view: View, ctx: Context) -> Decision:
    """Take a frozen render in; plan it at once when a node is there."""
    bundles = list(dict.fromkeys(scene.bundle for scene in cmd.spec.scenes))
    templates = (view.at(TEMPLATES, bundle) for bundle in bundles)
    view.need(view.at(JOBS, cmd.job_id), view.of(PLATFORM).group(NODES, state="active"), *templates)
    if view.get(JOBS, cmd.job_id) is not None:
        return []
    spec = cmd.spec
    submitted = JobSubmitted(
        job_id=cmd.job_id,
        spec=spec,
        spec_sha256=cmd.spec_sha256,
        priority=cmd.priority,
        frames_total=spec.frames,
        width=spec.width,
        height=spec.height,
        rate_num=spec.rate_num,
        rate_den=spec.rate_den,
        quality=spec.quality,
        has_voiceover=any(track.kind == "voiceover" for track in spec.audio),
        warnings=cmd.warnings,
        metadata=cmd.metadata,
        deadline=cmd.deadline,
        needs=cmd.needs,
    )
    for row in view.many(TEMPLATES, [(bundle,) for bundle in bundles]):
        if row is not None and row.state == "set_aside":
            return [
                submitted,
                JobFailed(job_id=cmd.job_id, code=SET_ASIDE, detail=message_of(row.template, row.reason), metadata=cmd.metadata),
            ]
    return [submitted, *_planned(cmd.job_id, spec, cmd.warnings, view)]


def plan_job(cmd: PlanJob, view: View, ctx: Context) -> Decision:
    """Plan a job that was submitted while no node was there, or anew where the builds that it was begun with are gone for good."""
    job, spec = view.get(JOBS, cmd.job_id), view.get(JOB_SPECS, cmd.job_id)
    if job is None or spec is None or job.state not in ("queued", "rendering"):
        return []
    if not job.segments_total:
        return _planned(cmd.job_id, spec.spec, job.warnings, view)
    if _may_return(job, view, ctx) or not (planned := _planned(cmd.job_id, spec.spec, job.warnings, view, again=True)):
        return []
    return [*ended_parts(job.job_id, view, "cancelled"), *planned]


def _may_return(job: Job, view: View, ctx: Context) -> bool:
    """Whether a node with a job's builds is there, or was until lately: films of an installation that restarts are drawn on."""
    platform = view.of(PLATFORM)
    lately = ctx.now - RETURN_WITHIN
    had = [node for state in ("active", "lost", "left") for node in platform.where(NODES, state=state)]
    return any(
        (node.engine_build, node.encoder_build) == (job.engine_build, job.encoder_build)
        and (node.state == "active" or node.updated_at > lately)
        for node in had
    )


def _planned(job_id: UUID, spec: RenderSpec, warned: tuple[Warning, ...], view: View, *, again: bool = False) -> list[Event]:
    builds = _builds(view)
    if builds is None:
        return []
    segments = plan(view.tenant, spec, builds)
    known = dict(zip((s.key for s in segments), view.many(SEGMENTS, [(s.key,) for s in segments]), strict=True))
    drawn = {key: row for key, row in known.items() if row is not None and row.state == "done"}
    done = [s for s in segments if s.key in drawn]
    planned = JobPlanned(
        job_id=job_id,
        engine_build=builds[0],
        encoder_build=builds[1],
        segments_total=len(segments),
        segments_done=len(done),
        frames_done=sum(s.count for s in done),
        again=again,
    )
    chunks = [_chunk(job_id, at, segments[at : at + CHUNK], set(drawn), again) for at in range(0, len(segments), CHUNK)]
    finished = [JobAssembling(job_id=job_id)] if len(done) == len(segments) else []
    news = told(job_id, warned, [one for row in drawn.values() for one in row.warnings])
    return [planned, *chunks, *news, *finished]


def _chunk(job_id: UUID, offset: int, segments: list[PlannedSegment], there: set[str], again: bool) -> SegmentsPlanned:
    done = tuple(at for at, segment in enumerate(segments, offset) if segment.key in there)
    return SegmentsPlanned(job_id=job_id, offset=offset, segments=tuple(segments), done=done, again=again)


def _builds(view: View) -> tuple[str, str] | None:
    """The pair of engine and encoder builds that most slots of the farm have now; nodes out of service count where there are no others."""
    offered: Counter[tuple[str, str]] = Counter()
    active = view.of(PLATFORM).where(NODES, state="active")
    for node in [node for node in active if node.service == "open"] or active:
        offered[node.engine_build, node.encoder_build] += node.slots
    return min(offered, key=lambda builds: (-offered[builds], builds)) if offered else None


def cancel(cmd: CancelJob, view: View, ctx: Context) -> Decision[JobAnswer]:
    """Stop a job; its parts end, and segments that others wait for return to the queue."""
    job = view.get(JOBS, cmd.job_id)
    if job is None:
        return refuse("job.not_found", f"there is no render {cmd.job_id}", "job_id", retry_for=1.5)
    if job.state not in ACTIVE:
        return refuse("render.ended", f"the render is {job.state} already", "job_id")
    events = [JobCancelled(job_id=job.job_id, metadata=job.metadata), *ended_parts(job.job_id, view, "cancelled")]
    events += given_up(job.job_id, view, "cancelled", "render.cancelled", "the render was cancelled")
    return Answer(events, JobAnswer(job_id=job.job_id, state="cancelled"))


def failed(job: Job, view: View, code: str, detail: str, field: str = "", *, besides: UUID | None = None) -> list[Event]:
    """A job's failure, with the end of what it still has running; the part `besides` has ended already."""
    event = JobFailed(job_id=job.job_id, code=code, detail=detail, field=field, metadata=job.metadata)
    running = ended_parts(job.job_id, view, "cancelled", besides=besides)
    return [event, *running, *given_up(job.job_id, view, "failed", code, detail)]


def job_submitted(event: JobSubmitted, envelope: Envelope, view: View) -> Rows:
    """The job; its spec stands in a table of its own: it is large and never changes."""
    values = {name: getattr(event, name) for name in event.__struct_fields__ if name in JOBS.fields}
    yield JOBS, fresh(JOBS, envelope, values | {"correlation_id": envelope.correlation})
    yield JOB_SPECS, fresh(JOB_SPECS, envelope, {"job_id": event.job_id, "spec": event.spec})


def segments_planned(event: SegmentsPlanned, envelope: Envelope, view: View) -> Rows:
    """A job's needs, and the segments that nobody has asked for before."""
    keys = list(dict.fromkeys(segment.key for segment in event.segments))
    known = dict(zip(keys, view.many(SEGMENTS, [(key,) for key in keys]), strict=True))
    frames = {segment.key: segment.count for segment in event.segments}
    for key in keys:
        if known[key] is None:
            yield SEGMENTS, fresh(SEGMENTS, envelope, {"segment_key": key, "frames": frames[key]})
    places = [(event.job_id, idx) for idx in range(event.offset, event.offset + len(event.segments))]
    before = view.many(JOB_SEGMENTS, places) if event.again else ()  # a job that is planned for the first time has none
    for (_, idx), segment, row in zip_longest(places, event.segments, before):
        values = {"job_id": event.job_id, "idx": idx, "segment_key": segment.key, "scene": segment.scene}
        values |= {"first": segment.first, "frames": segment.count}
        yield JOB_SEGMENTS, fresh(JOB_SEGMENTS, envelope, values) if row is None else moved(row, envelope, **values)


def job_planned(event: JobPlanned, envelope: Envelope, view: View) -> Rows:
    """A job's builds and counts."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "a job is submitted before it is planned"
    counts = {"segments_total": event.segments_total, "segments_done": event.segments_done, "frames_done": event.frames_done}
    yield JOBS, moved(job, envelope, engine_build=event.engine_build, encoder_build=event.encoder_build, **counts)


def job_completed(event: JobCompleted, envelope: Envelope, view: View) -> Rows:
    """The job and its export."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "only a submitted job completes"
    yield JOBS, moved(job, envelope, state="completed", frames_done=job.frames_total)
    names = ("job_id", "object_key", "sha256", "bytes", "frames", "duration", "packets_sha256", "degraded")
    yield EXPORTS, fresh(EXPORTS, envelope, {name: getattr(event, name) for name in names})
