"""Renders: read, listed, paused, cancelled."""

from typing import Any, get_args
from uuid import UUID

from api_edge.handlers.queries import one_of
from api_edge.routes.render import verified_files
from api_edge.routing import CommandRoute, QueryRoute
from api_edge.rows import Versioned
from contracts.fields import Moment
from contracts.render.jobs import CancelJob, JobState, PauseJob, RescheduleJob, ResumeJob
from contracts.spec import Needs, Quality, Warning


class RenderRow(Versioned, frozen=True, kw_only=True):
    """A render; a completed one has the export's address under `url` for an hour, if its file is `whole`: as it was verified."""

    job_id: UUID
    state: JobState
    priority: int
    width: int
    height: int
    rate_num: int
    rate_den: int
    quality: Quality
    frames_total: int
    frames_done: int
    segments_total: int
    segments_done: int
    warnings: tuple[Warning, ...]
    metadata: dict[str, Any]
    code: str
    detail: str
    field: str
    deadline: Moment | None
    needs: Needs
    paused: bool
    sha256: str | None
    bytes: int | None
    duration: float | None
    degraded: bool
    url: str = ""
    file: verified_files.ServedFile = ""  # unknown while storage does not answer


COMMANDS = [
    CommandRoute("POST", "/v1/renders/{job_id}/cancel", CancelJob, "render:write", "Stop a render"),
    CommandRoute("POST", "/v1/renders/{job_id}/pause", PauseJob, "render:write", "Give a render no more slots"),
    CommandRoute("POST", "/v1/renders/{job_id}/resume", ResumeJob, "render:write", "Let a paused render go on"),
    CommandRoute("POST", "/v1/renders/{job_id}/reschedule", RescheduleJob, "render:write", "Change a render's priority or deadline"),
]
QUERIES = [
    QueryRoute(
        "GET",
        "/v1/renders/{job_id}",
        "render_by_id",
        "render:read",
        "Read a render",
        RenderRow,
        one=True,
        complete=verified_files.export,
    ),
    QueryRoute(
        "GET",
        "/v1/renders",
        "renders",
        "render:read",
        "List renders",
        RenderRow,
        keyset=("created_at", "job_id"),
        filters={"state": one_of(*get_args(JobState))},
        bounded=True,
    ),
]
