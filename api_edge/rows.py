"""What queries answer: the columns of the views in schema read, as clients see them. `at`s are RFC 3339, sizes bytes or pixels."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """What every row of a domain has; `version` counts its changes and is its ETag."""

    version: int
    created_at: datetime
    updated_at: datetime


class UploadPart(msgspec.Struct, frozen=True):
    """One part of an upload: PUT its `bytes` bytes to `url` with these headers, keep the answer's ETag; nothing else is taken."""

    number: int
    url: str
    bytes: int
    headers: dict[str, str]


class UploadRow(Versioned, frozen=True, kw_only=True):
    """An upload; once it is `open`, its parts' addresses stand under `parts` (100 at a time from ?first_part= on)."""

    upload_id: UUID
    file_id: UUID
    name: str
    bytes: int
    media_type: str
    state: str
    part_bytes: int
    part_count: int
    sha256: str
    reason: str
    object_key: str
    storage_id: str
    parts: tuple[UploadPart, ...] = ()
    expires_in: int = 0


class FileRow(Versioned, frozen=True, kw_only=True):
    """A file; a ready one has an address under `url` for an hour."""

    file_id: UUID
    name: str
    kind: str
    state: str
    bytes: int
    media_type: str
    sha256: str
    width: int
    height: int
    duration: float
    code: str
    detail: str
    object_key: str
    url: str = ""


class ProjectRow(Versioned, frozen=True, kw_only=True):
    """A template."""

    project_id: UUID
    name: str
    file_id: UUID
    state: str
    bundle_sha256: str
    scene_count: int
    presets: Any
    warnings: Any
    code: str
    detail: str


class SceneRow(Versioned, frozen=True, kw_only=True):
    """A scene of a template with what can be changed in it; sizes in pixels, duration in seconds."""

    project_id: UUID
    scene_id: UUID
    position: int
    key: str
    title: str
    width: int
    height: int
    rate: float
    duration: float
    fonts: Any
    warnings: Any
    elements: Any


class SavedProjectRow(Versioned, frozen=True, kw_only=True):
    """A filled template."""

    saved_project_id: UUID
    project_id: UUID
    name: str
    scenes: Any
    colours: Any
    preset: str | None
    audio: Any


class RenderRow(Versioned, frozen=True, kw_only=True):
    """A render; a completed one has the export's address under `url` for an hour, if its file is `whole`: as it was verified."""

    job_id: UUID
    state: str
    priority: int
    width: int
    height: int
    rate_num: int
    rate_den: int
    quality: str
    frames_total: int
    frames_done: int
    segments_total: int
    segments_done: int
    warnings: Any
    metadata: Any
    code: str
    detail: str
    field: str
    deadline: datetime | None
    needs: Any
    paused: bool
    sha256: str | None
    bytes: int | None
    duration: float | None
    degraded: bool
    object_key: str | None
    url: str = ""
    file: str = ""  # whole, checking, damaged, missing, or unknown while storage does not answer


class SnapshotRow(Versioned, frozen=True, kw_only=True):
    """A picture of a scene; one that is done has its address under `url` for an hour, if its file is `whole`."""

    snapshot_id: UUID
    project_id: UUID
    state: str
    width: int
    height: int
    frame: int
    cache_key: str
    sha256: str
    bytes: int
    degraded: bool
    object_key: str
    code: str
    detail: str
    field: str
    url: str = ""
    file: str = ""  # as of a render


class ExplanationRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a render is where it is: reasons now, crashes by part and node, and its events with their log positions."""

    job_id: UUID
    state: str
    paused: bool
    segments_done: int
    segments_total: int
    reasons: list[dict[str, str]]
    crashes: list[dict[str, Any]]
    events: list[dict[str, Any]]


class RenderPartRow(Versioned, frozen=True, kw_only=True):
    """A run of a render's segments that a node was given."""

    part_id: UUID
    kind: str
    node_id: UUID
    node_name: str
    epoch: int
    first: int
    count: int
    state: str
    detail: str


class RepairRow(Versioned, frozen=True, kw_only=True):
    """Segments that were drawn once more: what each was `before` and is `after`; `identical` if every byte came out the same."""

    repair_id: UUID
    job_id: UUID
    state: str
    cause: str
    reason: str
    frames: list[dict[str, Any]]
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    identical: bool
    code: str
    detail: str


class NodeRow(Versioned, frozen=True, kw_only=True):
    """A render node of the farm; it gets work while its `state` is active and its `service` open."""

    node_id: UUID
    name: str
    state: str
    service: str
    service_reason: str
    service_until: datetime | None
    slots: int
    engine_build: str
    encoder_build: str
    platform: str
    release: str
    capabilities: Any


class JoinTokenRow(Versioned, frozen=True, kw_only=True):
    """A join token, without its secret: open, used (by the node of `node_id`), expired or revoked."""

    token_id: UUID
    note: str
    hint: str
    state: str
    expires_at: datetime
    node_id: UUID | None


class NodeStandingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a node may speak to the farm: active or revoked."""

    node_id: UUID
    name: str
    state: str
    reason: str


class NodeHealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a node fared: share of its processors (0 to 1), bytes, the average load of a minute, parts that it held."""

    node_id: UUID
    at: datetime
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
    kind: str
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
    crashed_on: Any


class NotificationRow(Versioned, frozen=True, kw_only=True):
    """Something that the tenant's people were told."""

    notification_id: UUID
    kind: str
    title: str
    body: str
    subject_id: UUID
    data: Any
    seen: bool


class ApiKeyRow(Versioned, frozen=True, kw_only=True):
    """An API key, without its secret."""

    key_id: UUID
    name: str
    scopes: Any
    hint: str
    state: str
    format: int  # 2: `fr1_…` with a checksum, of a drawn salt; 1: `fr_…`, as the releases before made it
    rotate_by: datetime | None = None  # when a key of format 1 is to be replaced


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
    time: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID
    data: Any
    hash: str


class EffectRow(Versioned, frozen=True, kw_only=True):
    """Something that is still to be done in the world: at the store, by mail, upon a payment. What is done is not listed any more.

    `due`: waits for its moment or its lane; `handing`: under way; `unknown`: perhaps done, and asked for or waiting for a person;
    `exhausted`: its tries are used up; `done`: about to be told. `due_at` is when it is looked at next.
    """

    effect_id: UUID
    domain: str
    kind: str
    lane: str
    state: str
    ended: str
    attempts: int
    paused: bool
    chunks: int
    destination: str
    due_at: datetime


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command: pending, done (with its answer), refused (with its problem) or quarantined."""

    id: str
    state: str
    type: str = ""
    decided_at: datetime | None = None
    body: Any = None
    problem: Any = None


ADDED = frozenset({"parts", "expires_in", "url", "file", "data", "rotate_by", "feed_id"})
ADDED |= {"actor", "key_id", "key_name", "scopes", "permissions", "roles"}  # of who asks
"""Fields that presenters add to what the statement found."""
