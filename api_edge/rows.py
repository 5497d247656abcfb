"""What queries answer that is no entity's own row, and what is added to those that are one (`api_edge.entities`).

What a statement finds beside is shown to nobody. `at`s are RFC 3339, sizes bytes or pixels.
"""

from typing import Any, Literal
from uuid import UUID

import msgspec

from api_edge.errors import ProblemBody
from api_edge.explaining import Crashes, Reason, Step
from api_edge.looks import FileState as Seen
from contracts.effects import EffectEnd, EffectState, Lane
from contracts.enrolment import IdentityState, TokenState
from contracts.farm import Capabilities, CrashKind, NodeState, Service
from contracts.fields import Moment
from contracts.outcome import State
from contracts.render import JobState, PartKind, PartState
from contracts.repair import FrameRange, RepairCause, RepairState, SegmentState
from contracts.snapshot import SnapshotState
from contracts.spec import ColourPreset, Element, Needs, Quality, Warning
from contracts.visibility import Public

ServedFile = Literal[Seen, ""]


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """What every row of a domain has; `version` counts its changes and is its ETag."""

    version: int
    created_at: Moment
    updated_at: Moment


class UploadPart(msgspec.Struct, frozen=True):
    """One part of an upload: PUT its `bytes` bytes to `url` with these headers, keep the answer's ETag; nothing else is taken."""

    number: Public[int]
    url: Public[str]
    bytes: Public[int]
    headers: Public[dict[str, str]]


class UploadParts(msgspec.Struct, frozen=True, kw_only=True):
    """An upload; once it is `open`, its parts' addresses stand under `parts` (100 at a time from ?first_part= on)."""

    parts: tuple[UploadPart, ...] = ()
    expires_in: int = 0


class PlaceOfParts(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an upload for the addresses of its parts, and shown to nobody."""

    object_key: str
    storage_id: str


class PlaceOfFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a file for its address, and shown to nobody."""

    object_key: str


class FileAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A file; a ready one has an address under `url` for an hour."""

    url: str = ""


class Presets(msgspec.Struct, frozen=True, kw_only=True):
    """A template."""

    presets: tuple[ColourPreset, ...]


class Elements(msgspec.Struct, frozen=True, kw_only=True):
    """A scene of a template with what can be changed in it; sizes in pixels, duration in seconds."""

    elements: tuple[Element, ...]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    rotate_by: Moment | None = None  # when a key of format 1 is to be replaced


class RenderRow(Versioned, frozen=True, kw_only=True):
    """A render; a completed one has the export's address under `url` for an hour, if its file is `whole`: as it was verified."""

    job_id: UUID
    state: JobState
    priority: int
    width: int
    height: int
    rate_num: int
    rate_den: int
    quality: Quality
    frames_total: int
    frames_done: int
    segments_total: int
    segments_done: int
    warnings: tuple[Warning, ...]
    metadata: dict[str, Any]
    code: str
    detail: str
    field: str
    deadline: Moment | None
    needs: Needs
    paused: bool
    sha256: str | None
    bytes: int | None
    duration: float | None
    degraded: bool
    url: str = ""
    file: ServedFile = ""  # unknown while storage does not answer


class SnapshotRow(Versioned, frozen=True, kw_only=True):
    """A picture of a scene; one that is done has its address under `url` for an hour, if its file is `whole`."""

    snapshot_id: UUID
    project_id: UUID
    state: SnapshotState
    width: int
    height: int
    frame: int
    cache_key: str
    sha256: str
    bytes: int
    degraded: bool
    code: str
    detail: str
    field: str
    url: str = ""
    file: ServedFile = ""


class ExplanationRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a render is where it is: reasons now, crashes by part and node, and its events with their log positions."""

    job_id: UUID
    state: JobState
    paused: bool
    segments_done: int
    segments_total: int
    reasons: list[Reason]
    crashes: list[Crashes]
    events: list[Step]


class RenderPartRow(Versioned, frozen=True, kw_only=True):
    """A run of a render's segments that a node was given."""

    part_id: UUID
    kind: PartKind
    node_id: UUID
    node_name: str
    epoch: int
    first: int
    count: int
    state: PartState
    detail: str


class RepairRow(Versioned, frozen=True, kw_only=True):
    """Segments that were drawn once more: what each was `before` and is `after`; `identical` if every byte came out the same."""

    repair_id: UUID
    job_id: UUID
    state: RepairState
    cause: RepairCause
    reason: str
    frames: tuple[FrameRange, ...]
    before: tuple[SegmentState, ...]
    after: tuple[SegmentState, ...]
    identical: bool
    code: str
    detail: str


class NodeRow(Versioned, frozen=True, kw_only=True):
    """A render node of the farm; it gets work while its `state` is active and its `service` open."""

    node_id: UUID
    name: str
    state: NodeState
    service: Service
    service_reason: str
    service_until: Moment | None
    slots: int
    engine_build: str
    encoder_build: str
    platform: str
    release: str
    capabilities: Capabilities


class JoinTokenRow(Versioned, frozen=True, kw_only=True):
    """A join token, without its secret: open, used (by the node of `node_id`), expired or revoked."""

    token_id: UUID
    note: str
    hint: str
    state: Literal[TokenState, "expired"]
    expires_at: Moment
    node_id: UUID | None


class NodeStandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a node may speak to the farm: active or revoked."""

    node_id: UUID
    name: str
    state: IdentityState
    reason: str


class NodeHealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a node fared: share of its processors (0 to 1), bytes, the average load of a minute, parts that it held."""

    node_id: UUID
    at: Moment
    cpu: float
    memory: int
    disk_free: int
    load: float
    parts: int


class NodeCrashRow(Versioned, frozen=True, kw_only=True):
    """Something that died on a node: what, at which frame, and the last it said."""

    crash_id: UUID
    node_id: UUID
    node_name: str
    kind: CrashKind
    part_id: UUID | None
    subject_id: UUID | None
    template: str
    signal: int
    exit_code: int
    last_frame: int
    log_tail: str


class SetAsideTemplateRow(Versioned, frozen=True, kw_only=True):
    """A template (by its bundle's SHA-256) that is not drawn, as it ended engines on several nodes."""

    template: str
    reason: str
    crashed_on: tuple[UUID, ...]


class MeRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the tenant, the API key or the person, and what they may do."""

    tenant_id: UUID
    name: str
    render_weight: int
    max_slots: int
    requests_per_second: int
    actor: str = ""  # what commands and events say of who asks
    key_id: UUID | None = None
    key_name: str = ""
    scopes: tuple[str, ...] = ()  # as they were granted
    permissions: tuple[str, ...] = ()  # every scope that this opens
    roles: tuple[str, ...] = ()  # of a person


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the tenant in the audit log; `hash` chains it to the one before."""

    position: int
    feed_id: str  # of the event in GET /v1/events: what `after` and Last-Event-ID take
    event_id: UUID
    type: str
    time: Moment
    actor: str
    correlation_id: UUID
    causation_id: UUID
    data: dict[str, Any]
    hash: str


class EffectRow(Versioned, frozen=True, kw_only=True):
    """Something that is still to be done in the world: at the store, by mail, upon a payment. What is done is not listed any more.

    `due`: waits for its moment or its lane; `handing`: under way; `unknown`: perhaps done, and asked for or waiting for a person;
    `exhausted`: its tries are used up; `done`: about to be told. `due_at` is when it is looked at next.
    """

    effect_id: UUID
    domain: str
    kind: str
    lane: Lane
    state: EffectState
    ended: EffectEnd
    attempts: int
    paused: bool
    chunks: int
    destination: str
    due_at: Moment


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command: pending, done (with its answer), refused (with its problem) or quarantined."""

    id: str
    state: Literal["pending", State]
    type: str = ""
    decided_at: Moment | None = None
    body: dict[str, Any] | None = None  # what the request would have been answered
    problem: ProblemBody | None = None
