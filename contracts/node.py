"""The node's protocol: the work it is sent, the reports it makes, the ticks it lets fall. In prose: docs/node-protocol.md."""

from uuid import UUID

import msgspec

from contracts.ids import derived_id, following_id
from contracts.message import PLATFORM, Report, Tick, Work, message
from contracts.render.nodes import Capabilities, CrashKind
from contracts.render.parts import PartKind
from contracts.render.segments import Edge
from contracts.spec import AudioTrack, Quality, SceneSpec, Warning

PROTOCOL = 3
MOST_WARNINGS, LONGEST_WARNING = 20, 250  # of one report, and characters of each; a report has room for 64 KB
OLDEST = 2  # that is still spoken, with nodes that the farm knew before; they cannot send the header by which a store replaces nothing


def report_id(node: UUID | str, said: UUID) -> UUID:
    """The id under which the farm knows a report, made of its node's id and the one that the node gave it: no node can choose another's."""
    if said.version in (7, 8):
        return following_id(said, f"report of {node}")
    return derived_id(derived_id(PLATFORM, f"reports of {node}"), str(said))  # of a node of the releases before


class SegmentTask(msgspec.Struct, frozen=True, kw_only=True):
    """One segment to draw and where its bytes go."""

    key: str
    first: int  # first frame, counted from the scene's start
    count: int
    put_url: str
    object_key: str


class SceneTask(msgspec.Struct, frozen=True, kw_only=True):
    """The segments of one scene within a part."""

    spec: SceneSpec
    frame_offset: int  # the scene's first frame, counted from the video's start
    segments: tuple[SegmentTask, ...]


class StoredSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A verified segment to be joined."""

    get_url: str
    sha256: str
    frames: int
    key: str = ""  # of its content, by which an assembly tells that it is damaged or gone
    before: Edge = ""  # as its ReportSegment said; both empty where a jump is no fault, as beside a degraded segment
    last: Edge = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a node needs for a part; addresses are presigned and short-lived."""

    files: dict[str, str] = {}  # SHA-256 to a GET address: bundles, pictures, fonts, sounds
    width: int = 0
    height: int = 0
    rate_num: int = 30
    rate_den: int = 1
    quality: Quality = "standard"
    background: str = "#FFFFFF"
    fonts: tuple[str, ...] = ()
    scenes: tuple[SceneTask, ...] = ()  # kind render; kind snapshot: one, without segments
    frame: int = 0  # kind snapshot: counted from the scene's start
    source_url: str = ""  # kind inspect: the uploaded file
    put_url: str = ""  # kind inspect: for the ScanResult; kind snapshot: for the picture; kind assemble: for the export
    object_key: str = ""
    segments: tuple[StoredSegment, ...] = ()  # kind assemble, in order
    audio: tuple[AudioTrack, ...] = ()  # kind assemble
    degraded: bool = False  # kind assemble: a segment was not drawn as designed


@message("node.part.draw")
class DrawPart(Work, frozen=True, kw_only=True):
    """Do this part; the manifest comes along when it is small, else it is fetched."""

    protocol: int = PROTOCOL
    part_id: UUID
    tenant_id: UUID
    kind: PartKind
    subject_id: UUID
    epoch: int
    manifest: Manifest | None = None
    manifest_url: str = ""


@message("node.part.cancel")
class CancelPart(Work, frozen=True, kw_only=True):
    """Stop working on this part at once; no report is owed."""

    part_id: UUID


@message("node.daemon.register_again")
class RegisterAgain(Work, frozen=True, kw_only=True):
    """The farm does not know this node's registration (any more)."""

    reason: str


@message("node.report.refused")
class ReportRefused(Work, frozen=True, kw_only=True):
    """A report does not count, and why: for the node's log. At most one for each report; none for one that has no readable id."""

    report: UUID
    report_type: str
    code: str
    detail: str


@message("render.node.register")
class RegisterNode(Report, frozen=True, kw_only=True):
    """A node starts: what it can do. All parts of its earlier registration are over."""

    protocol: int
    name: str
    slots: int
    engine_build: str
    encoder_build: str
    version: str
    platform: str
    capabilities: Capabilities = Capabilities()
    bundles: tuple[str, ...] = ()  # SHA-256 of templates that it holds, the latest used first; at most 100


@message("render.node.leave")
class LeaveNode(Report, frozen=True, kw_only=True):
    """A node stops; what it still held goes elsewhere at once."""

    epoch: int = 0


@message("render.segment.report")
class ReportSegment(Report, frozen=True, kw_only=True):
    """A segment was drawn, decoded back, compared and uploaded."""

    part_id: UUID
    epoch: int
    key: str
    object_key: str
    sha256: str
    bytes: int
    frames: int
    difference: float
    seconds: float
    degraded: bool = False
    warnings: tuple[Warning, ...] = ()  # with a scene's first segment, and the first of each run of one; at most MOST_WARNINGS count
    before: Edge = ""  # the scene's frame before the first one, as drawn on this node
    last: Edge = ""  # the last frame, as decoded


@message("render.inspection.report")
class ReportInspection(Report, frozen=True, kw_only=True):
    """An uploaded file was opened; `code` says why it cannot be used."""

    part_id: UUID
    epoch: int
    kind: str
    sha256: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    duration: float = 0.0
    scan_key: str = ""
    code: str = ""
    detail: str = ""


@message("render.snapshot.report")
class ReportSnapshot(Report, frozen=True, kw_only=True):
    """A scene's picture was drawn and uploaded."""

    part_id: UUID
    epoch: int
    object_key: str
    sha256: str
    bytes: int
    degraded: bool = False  # not drawn as designed; no node of today says so
    warnings: tuple[Warning, ...] = ()  # at most 20 count


@message("render.export.report")
class ReportExport(Report, frozen=True, kw_only=True):
    """The segments were joined, the sound laid on, the result verified and uploaded."""

    part_id: UUID
    epoch: int
    object_key: str
    sha256: str
    bytes: int
    frames: int
    duration: float
    packets_sha256: str
    degraded: bool = False


@message("render.crash.report")
class ReportCrash(Report, frozen=True, kw_only=True):
    """Something died on a node and its part, if it had one, goes on there: to be recorded; the lease stays as it is."""

    kind: CrashKind
    detail: str = ""
    part_id: UUID | None = None
    epoch: int = 0
    signal: int = 0
    exit_code: int = 0
    last_frame: int = -1
    log_tail: str = ""
    template: str = ""  # the bundle's SHA-256, where one was open


@message("render.part.report_failure")
class ReportFailure(Report, frozen=True, kw_only=True):
    """A part could not be done. With `crash` something died; without, the template or a value was refused (`code`, `field`)."""

    part_id: UUID
    epoch: int
    code: str
    detail: str
    field: str = ""
    crash: CrashKind | None = None
    signal: int = 0
    exit_code: int = 0
    last_frame: int = -1
    log_tail: str = ""
    template: str = ""
    segment: str = ""  # the content key of a stored segment that could not be joined: it is drawn again, and the job goes on


@message("node.daemon.beat")
class Heartbeat(Tick, frozen=True, kw_only=True):
    """A node lives: once a second, with the parts it works on."""

    name: str
    epoch: int
    parts: tuple[UUID, ...]
    cpu: float = 0.0  # share of all cores, 0 to 1
    memory: int = 0  # bytes used by the daemon and its engines
    disk_free: int = 0  # bytes
    load: float = 0.0  # processes that run or wait to, on the average of a minute


@message("node.part.tick")
class PartTick(Tick, frozen=True, kw_only=True):
    """How far a node is in a part: frames drawn in it, and the frame of the video it is at."""

    part_id: UUID
    subject_id: UUID
    tenant_id: UUID
    node_name: str
    frames: int
    frame: int
