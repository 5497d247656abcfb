"""What the host and the engine process say to each other: one JSON object per line, told apart by `type`."""

from typing import Literal

import msgspec

from contracts.spec import AudioTrack, Quality, SceneSpec, Warning
from node_worker.cage.guards import Guard
from node_worker.encode.facts import ExportFacts, FinishedSegment, SegmentFile
from node_worker.engines.base import Files
from node_worker.inspect.facts import Inspection

FailureKind = Literal["oom", "disk_full", "error"]


class SegmentTask(msgspec.Struct, frozen=True, kw_only=True):
    """A segment to draw: frames `first` to `first + count - 1` of the scene, into the file `output`."""

    key: str
    first: int
    count: int
    output: str
    again: tuple[int, ...] = ()  # frames, counted from the scene's start, that another process draws a second time


class Inspect(msgspec.Struct, frozen=True, kw_only=True, tag="inspect", tag_field="type"):
    """Find out what an uploaded file is."""

    path: str
    work: str


class SceneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What drawing a scene takes, whatever is made of it."""

    spec: SceneSpec
    files: Files
    width: int
    height: int
    rate_num: int
    rate_den: int
    background: str
    fonts: tuple[str, ...] = ()


class DrawSegments(SceneRequest, frozen=True, kw_only=True, tag="draw", tag_field="type"):
    """Draw, encode and verify a run of segments of one scene."""

    quality: Quality
    segments: tuple[SegmentTask, ...]


class DrawPicture(SceneRequest, frozen=True, kw_only=True, tag="picture", tag_field="type"):
    """Draw one frame of a scene into a PNG file."""

    frame: int  # counted from the scene's start
    output: str


class Assemble(msgspec.Struct, frozen=True, kw_only=True, tag="assemble", tag_field="type"):
    """Join segments and lay the sound under them; `files` gives each track's file by its SHA-256."""

    segments: tuple[SegmentFile, ...]
    output: str
    rate_num: int
    rate_den: int
    audio: tuple[AudioTrack, ...] = ()
    files: dict[str, str] = {}


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready", tag_field="type"):
    """The engine is loaded; sent once."""

    engine: str
    engine_build: str
    encoder_build: str
    guards: tuple[Guard, ...] = ()  # what it is held in


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started", tag_field="type"):
    """The request was read."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag="frame", tag_field="type"):
    """How far the work is: the newest frame (of the scene, or of the video when assembling) and how many so far."""

    frame: int
    count: int


class SegmentDone(msgspec.Struct, frozen=True, kw_only=True, tag="segment", tag_field="type"):
    """A segment lies on the disk; use it only if its check is ok."""

    segment: FinishedSegment


class PictureDone(msgspec.Struct, frozen=True, kw_only=True, tag="drawn", tag_field="type"):
    """The picture lies on the disk."""

    sha256: str
    bytes: int


class Warned(msgspec.Struct, frozen=True, kw_only=True, tag="warned", tag_field="type"):
    """The scene will not look as meant."""

    warning: Warning


class Inspected(msgspec.Struct, frozen=True, kw_only=True, tag="inspected", tag_field="type"):
    """What the file is."""

    inspection: Inspection


class Assembled(msgspec.Struct, frozen=True, kw_only=True, tag="assembled", tag_field="type"):
    """The export is finished and verified."""

    facts: ExportFacts


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done", tag_field="type"):
    """The request is answered."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused", tag_field="type"):
    """The file or a value cannot be used: a TemplateRefused."""

    code: str
    detail: str
    field: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed", tag_field="type"):
    """The request failed for a reason that is not the template's."""

    kind: FailureKind
    detail: str
    errno: int = 0


Request = Inspect | DrawSegments | DrawPicture | Assemble
Event = Ready | Started | Frame | SegmentDone | PictureDone | Warned | Inspected | Assembled | Done | Refused | Failed
