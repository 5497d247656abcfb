"""Repairs: frames of a finished render that are drawn again."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message
from contracts.spec import Needs
from contracts.visibility import Internal, Public

RepairCause = Literal["person", "rot", "missing"]
"""Who found it: a person who doubts frames; a stored segment with another hash, or none at all."""
RepairEnd = Literal["done", "failed", "cancelled"]
RepairState = Literal["drawing", "checking", "assembling", "done", "failed", "cancelled"]
FrameNumber = Annotated[int, msgspec.Meta(ge=0)]


class FrameRange(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of a video, counted from 0; both ends belong to it."""

    first: Public[int]
    last: Public[int]


class SegmentState(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's bytes at one moment, and its first place in the job."""

    key: Public[str]
    idx: Public[int]
    frames: Public[int]
    object_key: ObjectKey
    sha256: Public[str]
    epoch: Public[int]


class Redrawing(msgspec.Struct, frozen=True, kw_only=True):
    """What the farm must know of an ended job to draw segments of it again."""

    engine_build: str
    encoder_build: str
    needs: Needs
    bundles: tuple[str, ...]  # SHA-256 of its templates
    correlation: UUID | None  # of the job's own events


class WaitingSegment(msgspec.Struct, frozen=True, array_like=True):
    """A place in a job whose segment waits again."""

    idx: Public[int]
    key: Public[str]
    frames: Public[int]


class AskedRange(FrameRange, frozen=True, kw_only=True):
    """A FrameRange as a person gives it."""

    first: FrameNumber
    last: FrameNumber


class RepairAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A repair: how many segments of the render are drawn again for it."""

    repair_id: UUID | None  # none where others have it drawn already, for a reason of their own
    job_id: UUID
    state: RepairState
    segments: int


class Repair(Row, frozen=True, kw_only=True):
    """Segments that were drawn once more: what each was `before` and is `after`; `identical` if every byte came out the same."""

    repair_id: Public[UUID]
    job_id: Public[UUID]
    state: Public[RepairState] = "drawing"
    is_open: bool = True
    cause: Public[RepairCause]
    reason: Public[str]
    frames: Public[tuple[FrameRange, ...]]
    before: Public[tuple[SegmentState, ...]]
    after: Public[tuple[SegmentState, ...]] = ()
    identical: Public[bool] = False
    rejoin: bool = False  # the export must be joined anew, whatever it is
    redrawing: Redrawing | None = None
    failures: int = 0  # of the job's assemblies before this repair joined the export
    code: Public[str] = ""
    detail: Public[str] = ""


REPAIRS = Entity(
    "render.frame_repair_jobs",
    Repair,
    key=("repair_id",),
    about="segments drawn once more: who asked, what each was before and is after",
    indexes=(("job_id", "is_open"),),
    view="frame_repairs",
    newest=False,
)


@message("render.repair.request")
class RequestRepair(Command[RepairAnswer], frozen=True, kw_only=True):
    """Draw the segments anew that hold these frames of the video; with `export` a finished video's file is looked at alone, too."""

    job_id: UUID
    frames: tuple[FrameNumber, ...] = ()  # counted from 0
    ranges: tuple[AskedRange, ...] = ()
    export: bool = False
    reason: str = ""


@message("render.segment.report_rot")
class ReportRot(Command, frozen=True, kw_only=True):
    """A stored segment is not what was verified; `found_sha256` is empty when it is missing."""

    key: str
    object_key: str
    found_sha256: str = ""


@message("render.repair.settle")
class SettleRepair(Command, frozen=True, kw_only=True):
    """What the export of a repaired job is found to be; an empty hash says that it is missing."""

    repair_id: UUID
    object_key: str
    found_sha256: str = ""


@message("render.repair.requested", public=True)
class RepairRequested(Event, frozen=True, kw_only=True):
    """These segments wait to be drawn again; everything else of the job stays."""

    repair_id: Public[UUID]
    job_id: Public[UUID]  # a job that needs the segments; its spec is drawn from
    cause: Public[RepairCause]
    reason: Public[str]
    frames: Public[tuple[FrameRange, ...]]  # as a person named them
    before: Public[tuple[SegmentState, ...]]
    redrawing: Internal[Redrawing | None] = None  # of an ended job; one under way draws them as its own
    found_joining: Public[bool] = False  # found while an export was joined: the job's other segments are looked at as well


@message("render.job.set_back", public=True)
class JobSetBack(Event, frozen=True, kw_only=True):
    """Segments that a job under way had are to be drawn again."""

    job_id: Public[UUID]
    segments_done: Public[int]
    frames_done: Public[int]
    waiting: Public[tuple[WaitingSegment, ...]]


@message("render.repair.drawn")
class RepairDrawn(Event, frozen=True, kw_only=True):
    """All segments of an ended job's repair are there, byte for byte as before; its export is looked at."""

    repair_id: UUID
    job_id: UUID
    object_key: ObjectKey  # the export's
    after: tuple[SegmentState, ...]


@message("render.repair.assembling", public=True)
class RepairAssembling(Event, frozen=True, kw_only=True):
    """The export of a repaired job is joined anew: bytes of it are other ones, or its file is damaged or gone."""

    repair_id: Public[UUID]
    job_id: Public[UUID]
    identical: Public[bool]
    reason: Public[str]
    failures: Public[int]  # of assemblies of the job before
    after: Public[tuple[SegmentState, ...]]


@message("render.export.replaced", public=True)
class ExportReplaced(Event, frozen=True, kw_only=True):
    """A completed job has another file from now on; duration in seconds."""

    job_id: Public[UUID]
    repair_id: Public[UUID]
    object_key: ObjectKey
    sha256: Public[str]
    bytes: Public[int]
    frames: Public[int]
    duration: Public[float]
    packets_sha256: Public[str]
    degraded: Public[bool]


@message("render.repair.ended", public=True)
class RepairEnded(Event, frozen=True, kw_only=True):
    """All segments of a repair were verified again, or it failed with a reason."""

    repair_id: Public[UUID]
    job_id: Public[UUID]
    state: Public[RepairEnd]
    after: Public[tuple[SegmentState, ...]] = ()
    identical: Public[bool] = False  # every byte is what it was when it was verified first
    code: Public[str] = ""
    detail: Public[str] = ""
    restored: Public[tuple[str, ...]] = ()  # keys of segments that a person doubted and that keep the bytes they had
    heir: Public[UUID | None] = None  # another repair of the job, which has to join the export anew for this one
