"""Asking for a picture of a scene."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.project_file import Hex, Rate, Side
from contracts.spec import RenderSpec
from contracts.studio.saved_projects import ChosenScene
from contracts.visibility import Public


class SnapshotRequest(Row, frozen=True, kw_only=True):
    """A picture that was asked for."""

    snapshot_id: Public[UUID]
    project_id: Public[UUID]
    cache_key: Public[str]
    width: Public[int]
    height: Public[int]
    frame: Public[int]


SNAPSHOTS = Entity(
    "studio.snapshot_requests",
    SnapshotRequest,
    key=("snapshot_id",),
    about="which pictures of scenes were asked for",
    view=None,
    newest=False,
)


class SnapshotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was asked for, or is there already; `frame` is counted from its scene's start."""

    snapshot_id: UUID
    frame: int


@message("studio.snapshot.request")
class RequestSnapshot(Command[SnapshotAnswer], frozen=True, kw_only=True):
    """Have one frame drawn of a scene of a saved project, or of a template with values given here."""

    saved_project_id: UUID | None = None
    project_id: UUID | None = None
    scenes: tuple[ChosenScene, ...] = ()
    colours: dict[str, Hex] = {}
    preset: str | None = None
    fonts: tuple[UUID, ...] = ()
    position: Annotated[int, Meta(ge=0)] = 0  # which of the scenes, from 0
    at: Annotated[float, Meta(ge=0)] | None = None  # seconds from the scene's start, as it is shown; None: its middle
    width: Side | None = None  # None = as it is saved, else the template's own; of one side alone the other follows
    height: Side | None = None
    rate: Rate | None = None  # None = as it is saved, else the template's own
    background: Hex | None = None  # None = as it is saved, else white


@message("studio.snapshot.requested")
class SnapshotRequested(Event, frozen=True, kw_only=True):
    """A picture was asked for; equal questions have one id."""

    snapshot_id: UUID
    project_id: UUID
    cache_key: str
    spec: RenderSpec  # of one scene
    frame: int  # counted from the scene's start
