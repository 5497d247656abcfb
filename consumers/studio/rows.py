"""The studio domain's event tables (migration 10)."""

from typing import Any
from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.file_mgr import FileKind
from contracts.spec import ColourPreset, Element, Quality, Warning
from contracts.studio import SceneValues, Track


class Template(Row, frozen=True, kw_only=True):
    """What studio knows of a template."""

    project_id: UUID
    bundle_sha256: str
    scene_count: int
    presets: tuple[ColourPreset, ...]


class TemplateScene(Row, frozen=True, kw_only=True):
    """What studio knows of a template's scene."""

    project_id: UUID
    scene: str
    position: int
    width: int
    height: int
    rate: float
    duration: float
    digest: str
    elements: tuple[Element, ...]
    fonts: tuple[str, ...]
    warnings: tuple[Warning, ...]


class KnownFile(Row, frozen=True, kw_only=True):
    """What studio knows of a file."""

    file_id: UUID
    kind: FileKind
    sha256: str
    duration: float


class SavedProject(Row, frozen=True, kw_only=True):
    """A filled template."""

    saved_project_id: UUID
    project_id: UUID
    name: str
    scenes: tuple[SceneValues, ...]
    colours: dict[str, str]
    preset: str | None
    audio: tuple[Track, ...]
    music_volume: float
    sfx_volume: float
    voiceover_volume: float
    voiceover_file_id: UUID | None


class Request(Row, frozen=True, kw_only=True):
    """A render that was asked for."""

    job_id: UUID
    project_id: UUID
    saved_project_id: UUID | None
    spec_sha256: str
    priority: int
    width: int
    height: int
    rate_num: int
    rate_den: int
    quality: Quality
    frames_total: int
    metadata: dict[str, Any]


class SnapshotRequest(Row, frozen=True, kw_only=True):
    """A picture that was asked for."""

    snapshot_id: UUID
    project_id: UUID
    cache_key: str
    width: int
    height: int
    frame: int


class PendingRenders(Row, frozen=True, kw_only=True):
    """How many renders of the tenant were asked for and have not ended."""

    pending: int


TEMPLATES = Table("studio.templates", Template, ("project_id",))
SCENES = Table("studio.template_scenes", TemplateScene, ("project_id", "scene"), (("project_id",),))
FILES = Table("studio.known_files", KnownFile, ("file_id",))
SAVED = Table("studio.saved_projects", SavedProject, ("saved_project_id",))
REQUESTS = Table("studio.render_requests", Request, ("job_id",))
SNAPSHOTS = Table("studio.snapshot_requests", SnapshotRequest, ("snapshot_id",))
PENDING = Table("studio.pending_renders", PendingRenders, ())
