"""Inspections: a node opens an uploaded file and says what is in it."""

from uuid import UUID

from contracts.fields import ObjectKey
from contracts.message import Command, Event, message


@message("render.inspection.request")
class RequestInspection(Command, frozen=True, kw_only=True):
    """Have an uploaded file opened on a node."""

    file_id: UUID
    name: str
    bytes: int
    object_key: str
    sha256: str = ""  # as it was announced, if it was


@message("render.inspection.requested")
class InspectionRequested(Event, frozen=True, kw_only=True):
    """A file waits for a node that opens it."""

    file_id: UUID
    name: str
    bytes: int
    object_key: ObjectKey
    sha256: str = ""


@message("render.inspection.ended")
class InspectionEnded(Event, frozen=True, kw_only=True):
    """A file was opened on a node, or could not be."""

    file_id: UUID
    kind: str
    sha256: str
    bytes: int
    object_key: ObjectKey
    width: int
    height: int
    duration: float
    scan_key: ObjectKey
    code: str
    detail: str
