"""Inspections: a node opens an uploaded file and says what is in it."""

from typing import Literal
from uuid import UUID

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message

InspectionState = Literal["queued", "assigned", "ended"]


class Inspection(Row, frozen=True, kw_only=True):
    """An uploaded file that a node opens."""

    file_id: UUID
    name: str
    bytes: int
    object_key: ObjectKey
    state: InspectionState = "queued"
    attempts: int = 0
    code: str = ""
    detail: str = ""
    sha256: str = ""  # as it was announced, if it was


class File(Row, frozen=True, kw_only=True):
    """Where the bytes of a file lie that a render may name."""

    sha256: str
    file_id: UUID
    kind: str  # a FileKind; what nodes said to earlier releases nobody looked at, and it stands here as they said it
    bytes: int
    object_key: ObjectKey


INSPECTIONS = Entity("render.inspections", Inspection, key=("file_id",), about="uploaded files that nodes open", view=None, newest=False)
FILES = Entity("render.files", File, key=("sha256",), about="where the bytes of usable files lie, by content", view=None, newest=False)


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
    kind: str  # a FileKind; from earlier releases whatever its node said
    sha256: str
    bytes: int
    object_key: ObjectKey
    width: int
    height: int
    duration: float
    scan_key: ObjectKey
    code: str
    detail: str
