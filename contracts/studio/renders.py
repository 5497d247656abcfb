"""Asking for a render of a template or a saved project."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.fields import AnyMoment, Metadata
from contracts.message import Command, Event, message
from contracts.project_file import Hex, Rate, Side
from contracts.render.jobs import Deadline, Priority
from contracts.spec import Needs, Quality, RenderSpec, Warning, Warnings
from contracts.studio.saved_projects import ChosenScene, ChosenTrack
from contracts.visibility import Public


class Request(Row, frozen=True, kw_only=True):
    """A render that was asked for; clients see it as the job that will be."""

    job_id: UUID
    project_id: UUID
    saved_project_id: UUID | None
    spec_sha256: str
    priority: int
    width: int
    height: int
    rate_num: int
    rate_den: int
    quality: Quality
    frames_total: int
    metadata: dict[str, Any]


class PendingRenders(Row, frozen=True, kw_only=True):
    """How many renders of the tenant were asked for and have not ended."""

    pending: int


REQUESTS = Entity(
    "studio.render_requests",
    Request,
    key=("job_id",),
    about="renders that were asked for, by the hash of their frozen spec",
    view=None,
)
PENDING = Entity(
    "studio.pending_renders",
    PendingRenders,
    key=(),
    about="how many renders of a tenant were asked for and have not ended, by the events of both",
    view=None,
    newest=False,
)
Words = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=20)]


class AskedNeeds(Needs, frozen=True, kw_only=True):
    """Needs as a person gives them, within their bounds."""

    fonts: Words = ()
    memory: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    labels: Words = ()


class Unfilled(msgspec.Struct, frozen=True, kw_only=True):
    """A text or a picture that a person did not fill and that keeps the template's own value."""

    field: Public[str]
    kind: Public[Literal["text", "image"]]
    default: Public[str]


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a render will be: frames of the video, seconds, and what will not look as it was designed."""

    frames: int
    duration: float
    warnings: tuple[Warning, ...]
    missing: tuple[Unfilled, ...]


class RenderRehearsal(Foreseen, frozen=True, kw_only=True):
    """What would be rendered, in which size and at which rate; what is likely too long is among the warnings."""

    width: int
    height: int
    rate_num: int
    rate_den: int


class RenderAnswer(Foreseen, frozen=True, kw_only=True):
    """A render that was asked for; its row says size and rate. What it names stands in the answers of earlier releases too."""

    job_id: UUID
    state: Literal["queued"] = "queued"


@message("studio.render.request")
class RequestRender(Command[RenderAnswer | RenderRehearsal], frozen=True, kw_only=True):
    """Render a saved project, or a template with values given here."""

    saved_project_id: UUID | None = None
    project_id: UUID | None = None
    scenes: tuple[ChosenScene, ...] = ()
    colours: dict[str, Hex] = {}
    preset: str | None = None
    audio: tuple[ChosenTrack, ...] = ()
    fonts: tuple[UUID, ...] = ()  # font files, asked before the node's own; without them those that are saved
    width: Side | None = None  # None = as it is saved, else the template's own; of one side alone the other follows
    height: Side | None = None
    rate: Rate | None = None  # None = as it is saved, else the template's own
    quality: Quality | None = None  # None = as it is saved, else standard
    background: Hex | None = None  # None = as it is saved, else white
    priority: Priority = 50  # higher first
    deadline: Deadline | None = None  # when the video should be there; among equal priorities the earlier goes first
    needs: AskedNeeds = AskedNeeds()
    metadata: dict[str, Any] = {}  # the caller's own, carried through to every event of the job


@message("studio.render.requested", public=True)
class RenderRequested(Event, frozen=True, kw_only=True):
    """A render was asked for; `spec` is frozen: nothing that changes later changes it."""

    job_id: Public[UUID]
    project_id: Public[UUID]
    saved_project_id: Public[UUID | None]
    spec: Public[RenderSpec]
    spec_sha256: Public[str]
    priority: Public[int]
    warnings: Warnings
    metadata: Metadata
    deadline: Public[AnyMoment | None] = None
    needs: Public[Needs] = Needs()
