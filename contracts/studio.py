"""studio: a person's copy of a template with values of their own, frozen into what the farm renders."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.fields import AnyMoment, Metadata
from contracts.file_mgr import FileKind
from contracts.message import Command, Event, message
from contracts.project import Hex, RatePart, Seconds, Side, Volume
from contracts.render import Deadline, Priority
from contracts.spec import ColourPreset, Element, Needs, Quality, RenderSpec, TrackKind, Warning, Warnings
from contracts.visibility import Public


class SceneValues(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One chosen scene: the template's scene key and the values that differ from its defaults."""

    scene: Public[str]
    texts: Public[dict[str, str]] = {}
    pictures: Public[dict[str, UUID]] = {}  # element key to file id
    colours: Public[dict[str, str]] = {}  # slot or element key to "#RRGGBB"
    duration: Public[float | None] = None  # seconds of the source that are shown; None = all
    speed: Public[float] = 1.0  # 0.1 to 10


class Track(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sound file at its volume (0 to 2, linear) from `start` seconds on."""

    kind: Public[TrackKind]
    file_id: Public[UUID]
    volume: Public[float] = 1.0
    start: Public[float] = 0.0


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

    saved_project_id: Public[UUID]
    project_id: Public[UUID]
    name: Public[str]
    scenes: Public[tuple[SceneValues, ...]]
    colours: Public[dict[str, str]]
    preset: Public[str | None]
    audio: Public[tuple[Track, ...]]
    music_volume: float
    sfx_volume: float
    voiceover_volume: float
    voiceover_file_id: UUID | None


class Request(Row, frozen=True, kw_only=True):
    """A render that was asked for; clients see it as the job that will be."""

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

    snapshot_id: Public[UUID]
    project_id: Public[UUID]
    cache_key: Public[str]
    width: Public[int]
    height: Public[int]
    frame: Public[int]


class PendingRenders(Row, frozen=True, kw_only=True):
    """How many renders of the tenant were asked for and have not ended."""

    pending: int


TEMPLATES = Entity(
    "studio.templates",
    Template,
    key=("project_id",),
    about="what studio knows of templates, from content's events",
    view=None,
    newest=False,
)
SCENES = Entity(
    "studio.template_scenes",
    TemplateScene,
    key=("project_id", "scene"),
    about="what studio knows of scenes, from content's events",
    indexes=(("project_id",),),
    view=None,
    newest=False,
)
FILES = Entity(
    "studio.known_files", KnownFile, key=("file_id",), about="what studio knows of files, from file_mgr's events", view=None, newest=False
)
SAVED = Entity("studio.saved_projects", SavedProject, key=("saved_project_id",), about="filled templates")
REQUESTS = Entity(
    "studio.render_requests", Request, key=("job_id",), about="renders that were asked for, by the hash of their frozen spec", view=None
)
SNAPSHOTS = Entity(
    "studio.snapshot_requests",
    SnapshotRequest,
    key=("snapshot_id",),
    about="which pictures of scenes were asked for",
    view=None,
    newest=False,
)
PENDING = Entity(
    "studio.pending_renders",
    PendingRenders,
    key=(),
    about="how many renders of a tenant were asked for and have not ended, by the events of both",
    view=None,
    newest=False,
)


class ChosenScene(SceneValues, frozen=True, kw_only=True):
    """SceneValues as a person gives them, within their bounds."""

    texts: dict[str, Annotated[str, Meta(max_length=5000)]] = {}
    colours: dict[str, Hex] = {}
    duration: Annotated[float, Meta(gt=0)] | None = None
    speed: Annotated[float, Meta(ge=0.1, le=10)] = 1.0


class ChosenTrack(Track, frozen=True, kw_only=True):
    """A Track as a person gives it, within its bounds."""

    volume: Volume = 1.0
    start: Seconds = 0.0


Words = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=20)]


class AskedNeeds(Needs, frozen=True, kw_only=True):
    """Needs as a person gives them, within their bounds."""

    fonts: Words = ()
    memory: Annotated[int, Meta(ge=0, le=1 << 40)] = 0
    labels: Words = ()


class SavedProjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A filled template that was kept; `version` counts its changes."""

    saved_project_id: UUID
    version: int


class Unfilled(msgspec.Struct, frozen=True, kw_only=True):
    """A text or a picture that a person did not fill and that keeps the template's own value."""

    field: Public[str]
    kind: Public[Literal["text", "image"]]
    default: Public[str]


class RenderRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What would be rendered: frames of the video, seconds, and what will not look as it was designed."""

    frames: int
    duration: float
    warnings: tuple[Warning, ...]
    missing: tuple[Unfilled, ...]


class RenderAnswer(RenderRehearsal, frozen=True, kw_only=True):
    """A render that was asked for."""

    job_id: UUID
    state: Literal["queued"] = "queued"


class SnapshotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was asked for, or is there already; `frame` is counted from its scene's start."""

    snapshot_id: UUID
    frame: int


@message("studio.scene.learn")
class LearnScene(Command, frozen=True, kw_only=True):
    """A template's scene, as content recorded it. Sent by earlier releases only."""

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


@message("studio.scene.learned")
class SceneLearned(Event, frozen=True, kw_only=True):
    """studio's copy of a template's scene; of earlier releases only."""

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


@message("studio.template.learn")
class LearnTemplate(Command, frozen=True, kw_only=True):
    """A template was published. Sent by earlier releases only."""

    project_id: UUID
    bundle_sha256: str
    scene_count: int
    presets: tuple[ColourPreset, ...]


@message("studio.template.learned")
class TemplateLearned(Event, frozen=True, kw_only=True):
    """studio's copy of a template; of earlier releases only."""

    project_id: UUID
    bundle_sha256: str
    scene_count: int
    presets: tuple[ColourPreset, ...]


@message("studio.file.learn")
class LearnFile(Command, frozen=True, kw_only=True):
    """A file became ready. Sent by earlier releases only."""

    file_id: UUID
    kind: FileKind
    sha256: str
    duration: float


@message("studio.file.learned")
class FileLearned(Event, frozen=True, kw_only=True):
    """studio's copy of a file's facts; of earlier releases only."""

    file_id: UUID
    kind: FileKind
    sha256: str
    duration: float


@message("studio.saved_project.save")
class SaveProject(Command[SavedProjectAnswer], frozen=True, kw_only=True):
    """Keep a filled template; with `saved_project_id` an earlier one is replaced, when `expected_version` still holds."""

    project_id: UUID
    name: Annotated[str, Meta(max_length=200)] = ""
    saved_project_id: UUID | None = None
    expected_version: int | None = None
    scenes: tuple[ChosenScene, ...] = ()  # in order; empty = all scenes of the template with their defaults
    colours: dict[str, Hex] = {}
    preset: str | None = None
    audio: tuple[ChosenTrack, ...] = ()


@message("studio.saved_project.saved", public=True)
class ProjectSaved(Event, frozen=True, kw_only=True):
    """A filled template was kept."""

    saved_project_id: Public[UUID]
    project_id: Public[UUID]
    name: Public[str]
    scenes: Public[tuple[SceneValues, ...]]
    colours: Public[dict[str, str]]
    preset: Public[str | None]
    audio: Public[tuple[Track, ...]]
    music_volume: Public[float]
    sfx_volume: Public[float]
    voiceover_volume: Public[float]
    voiceover_file_id: Public[UUID | None]


@message("studio.render.request")
class RequestRender(Command[RenderAnswer | RenderRehearsal], frozen=True, kw_only=True):
    """Render a saved project, or a template with values given here."""

    saved_project_id: UUID | None = None
    project_id: UUID | None = None
    scenes: tuple[ChosenScene, ...] = ()
    colours: dict[str, Hex] = {}
    preset: str | None = None
    audio: tuple[ChosenTrack, ...] = ()
    fonts: tuple[UUID, ...] = ()  # font files, asked before the node's own
    width: Side = 1280
    height: Side = 720
    rate: tuple[RatePart, RatePart] = (30, 1)  # frames per second as a fraction, 1 to 120
    quality: Quality = "standard"
    background: Hex = "#FFFFFF"
    priority: Priority = 50  # higher first
    deadline: Deadline | None = None  # when the video should be there; among equal priorities the earlier goes first
    needs: AskedNeeds = AskedNeeds()
    metadata: dict[str, Any] = {}  # the caller's own, carried through to every event of the job


@message("studio.render.requested", public=True)
class RenderRequested(Event, frozen=True, kw_only=True):
    """A render was asked for; `spec` is frozen: nothing that changes later changes it."""

    job_id: Public[UUID]
    project_id: Public[UUID]
    saved_project_id: Public[UUID | None]
    spec: Public[RenderSpec]
    spec_sha256: Public[str]
    priority: Public[int]
    warnings: Warnings
    metadata: Metadata
    deadline: Public[AnyMoment | None] = None
    needs: Public[Needs] = Needs()


@message("studio.snapshot.request")
class RequestSnapshot(Command[SnapshotAnswer], frozen=True, kw_only=True):
    """Have one frame drawn of a scene of a saved project, or of a template with values given here."""

    saved_project_id: UUID | None = None
    project_id: UUID | None = None
    scenes: tuple[ChosenScene, ...] = ()
    colours: dict[str, Hex] = {}
    preset: str | None = None
    fonts: tuple[UUID, ...] = ()
    position: Annotated[int, Meta(ge=0)] = 0  # which of the scenes, from 0
    at: Annotated[float, Meta(ge=0)] | None = None  # seconds from the scene's start, as it is shown; None: its middle
    width: Side = 1280
    height: Side = 720
    rate: tuple[RatePart, RatePart] = (30, 1)
    background: Hex = "#FFFFFF"


@message("studio.snapshot.requested")
class SnapshotRequested(Event, frozen=True, kw_only=True):
    """A picture was asked for; equal questions have one id."""

    snapshot_id: UUID
    project_id: UUID
    cache_key: str
    spec: RenderSpec  # of one scene
    frame: int  # counted from the scene's start
