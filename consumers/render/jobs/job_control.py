"""What people do with a job under way: pause, resume, another priority or deadline; and the end of one that cannot be drawn."""

from collections.abc import Callable
from uuid import UUID

from consumers.render.jobs.job import failed
from consumers.render.jobs.segment_consequences import given_up, open_repairs
from consumers.render.jobs.tables import JOBS
from consumers.render.leases.lease import ended_parts
from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.state import View
from contracts.render.jobs import (
    ACTIVE,
    FailJob,
    Job,
    JobPaused,
    JobRescheduled,
    JobResumed,
    PauseAnswer,
    PauseJob,
    RescheduleAnswer,
    RescheduleJob,
    ResumeJob,
)
from contracts.render.parts import deadline_fault


def open_job(job_id: UUID, view: View) -> Job | Refusal:
    """The job, if it can still be steered."""
    job = view.get(JOBS, job_id)
    if job is None:
        return refuse("job.not_found", f"there is no render {job_id}", "job_id", retry_for=1.5)
    if job.state not in ACTIVE:
        return refuse("render.ended", f"the render is {job.state} already", "job_id")
    return job


def pause(cmd: PauseJob, view: View, ctx: Context) -> Decision[PauseAnswer]:
    """Give a job no more slots."""
    return _switched(cmd.job_id, view, True, lambda: JobPaused(job_id=cmd.job_id))


def resume(cmd: ResumeJob, view: View, ctx: Context) -> Decision[PauseAnswer]:
    """Let a paused job go on."""
    return _switched(cmd.job_id, view, False, lambda: JobResumed(job_id=cmd.job_id))


def _switched(job_id: UUID, view: View, paused: bool, event: Callable[[], JobPaused | JobResumed]) -> Decision[PauseAnswer]:
    job = open_job(job_id, view)
    if isinstance(job, Refusal):
        return job
    return Answer([] if job.paused is paused else [event()], PauseAnswer(job_id=job_id, state=job.state, paused=paused))


def reschedule(cmd: RescheduleJob, view: View, ctx: Context) -> Decision[RescheduleAnswer]:
    """Move a job within its tenant's queue."""
    if fault := deadline_fault(cmd.deadline):
        return refuse("render.out_of_bounds", fault, "deadline")
    job = open_job(cmd.job_id, view)
    if isinstance(job, Refusal):
        return job
    priority = job.priority if cmd.priority is None else cmd.priority
    deadline = job.deadline if cmd.deadline is None else cmd.deadline
    changed = (priority, deadline) != (job.priority, job.deadline)
    events = [JobRescheduled(job_id=job.job_id, priority=priority, deadline=deadline)] if changed else []
    return Answer(events, RescheduleAnswer(job_id=job.job_id, state=job.state, priority=priority, deadline=deadline))


def fail(cmd: FailJob, view: View, ctx: Context) -> Decision:
    """End a job, or the repairs of one that has ended, for a reason that the farm found."""
    ended = view.get(JOBS, cmd.job_id)
    if ended is not None and open_repairs(ended, view):
        return [*ended_parts(cmd.job_id, view, "cancelled"), *given_up(cmd.job_id, view, "failed", cmd.code, cmd.detail)]
    job = open_job(cmd.job_id, view)
    return job if isinstance(job, Refusal) else failed(job, view, cmd.code, cmd.detail)
