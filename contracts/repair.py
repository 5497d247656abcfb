"""render: segments that are drawn once more, because they rotted in storage, are missing, or a person asks; before and after are kept."""

from typing import Literal
from uuid import UUID

import msgspec

from contracts.message import Command, Event, message

RepairCause = Literal["person", "rot", "missing"]
"""Who found it: a person who doubts frames; the scrubber, whose hash differs; the scrubber or an assembly that finds no object."""


class SegmentState(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's bytes at one moment."""

    key: str
    object_key: str
    sha256: str
    epoch: int


@message("render.repair.request")
class RequestRepair(Command, frozen=True, kw_only=True):
    """Draw the segments anew that hold these frames of the video (counted from 0); `object_found` is what lies in storage instead."""

    job_id: UUID
    frames: tuple[int, ...] = ()
    reason: str = ""


@message("render.segment.report_rot")
class ReportRot(Command, frozen=True, kw_only=True):
    """The scrubber, or an assembly, found a stored segment that is not what was verified; `found_sha256` is empty when it is missing."""

    key: str
    object_key: str
    found_sha256: str = ""


@message("render.repair.requested", public=True)
class RepairRequested(Event, frozen=True, kw_only=True):
    """These segments wait to be drawn again; everything else of the job stays."""

    repair_id: UUID
    job_id: UUID  # a job that needs the segments; its spec is drawn from
    cause: RepairCause
    reason: str
    frames: tuple[int, ...]  # of the video, as a person named them
    before: tuple[SegmentState, ...]


@message("render.repair.ended", public=True)
class RepairEnded(Event, frozen=True, kw_only=True):
    """All segments of a repair were verified again, or it failed with a reason."""

    repair_id: UUID
    job_id: UUID
    state: Literal["done", "failed", "cancelled"]
    after: tuple[SegmentState, ...] = ()
    identical: bool = False  # every byte is what it was when it was verified first
    code: str = ""
    detail: str = ""
