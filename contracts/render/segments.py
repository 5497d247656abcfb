"""Segments: planned, and verified once."""

from typing import Annotated
from uuid import UUID

import msgspec

from contracts.fields import ObjectKey
from contracts.message import Event, message
from contracts.visibility import Public

Edge = Annotated[str, msgspec.Meta(max_length=400, description="A frame's luma, 16 x 9 averages, in base64; empty if not known")]


class PlannedSegment(msgspec.Struct, frozen=True, array_like=True):
    """One closed GOP of a scene, under its content key."""

    key: Public[str]  # 64 hex digits
    scene: Public[int]  # position in the spec
    first: Public[int]  # first frame, counted from the scene's start
    count: Public[int]


@message("render.segment.planned")
class SegmentsPlanned(Event, frozen=True, kw_only=True):
    """A run of a job's segments, from position `offset` on; at most 400."""

    job_id: UUID
    offset: Public[int]
    segments: Public[tuple[PlannedSegment, ...]]
    done: tuple[int, ...] = ()  # positions whose segments were there already


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
