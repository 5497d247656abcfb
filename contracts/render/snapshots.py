"""Snapshots: one frame of a scene as a picture."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message
from contracts.spec import RenderSpec, Warnings
from contracts.visibility import Public

SnapshotState = Literal["queued", "assigned", "done", "failed"]


class Snapshot(Row, frozen=True, kw_only=True):
    """One frame of a scene as a picture."""

    snapshot_id: Public[UUID]
    cache_key: str
    spec: RenderSpec
    frame: Public[Annotated[int, Meta(ge=0)]]
    state: Public[SnapshotState] = "queued"
    attempts: int = 0
    object_key: ObjectKey = ""
    sha256: Public[str] = ""
    bytes: Public[int] = 0
    degraded: Public[bool] = False
    code: Public[str] = ""
    detail: Public[str] = ""
    field: Public[str] = ""
    warnings: Warnings = ()


SNAPSHOTS = Entity(
    "render.snapshots",
    Snapshot,
    key=("snapshot_id",),
    about="single frames of scenes as pictures, each question once",
    view=None,
    newest=False,
)


@message("render.snapshot.queue")
class QueueSnapshot(Command, frozen=True, kw_only=True):
    """Have one frame drawn, unless it is there or on its way; one that failed is tried anew."""

    snapshot_id: UUID
    cache_key: str
    spec: RenderSpec  # of one scene
    frame: int  # counted from the scene's start


@message("render.snapshot.queued")
class SnapshotQueued(Event, frozen=True, kw_only=True):
    """A frame waits for a node."""

    snapshot_id: UUID
    cache_key: str  # 64 hex digits, of all that the picture depends on
    spec: RenderSpec
    frame: int


@message("render.snapshot.drawn", public=True)
class SnapshotDrawn(Event, frozen=True, kw_only=True):
    """The picture lies in storage, a PNG of the spec's size."""

    snapshot_id: Public[UUID]
    object_key: ObjectKey
    sha256: Public[str]
    bytes: Public[int]
    degraded: Public[bool]  # not drawn as designed, as nodes of old did where expressions ended an engine
    warnings: Warnings = ()  # what will not look as it was meant, in the film neither


@message("render.snapshot.report_spoilt")
class ReportSpoilt(Command, frozen=True, kw_only=True):
    """A stored picture is not what was drawn."""

    snapshot_id: UUID
    object_key: str
    found: str  # in words


@message("render.snapshot.failed", public=True)
class SnapshotFailed(Event, frozen=True, kw_only=True):
    """The picture cannot be drawn, or is not in storage any more as it was drawn, and why."""

    snapshot_id: Public[UUID]
    code: Public[str]
    detail: Public[str]
    field: Public[str] = ""
