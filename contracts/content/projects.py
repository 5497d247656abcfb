"""Templates (projects) with their scenes, elements and colour presets."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from contracts.entity import Entity, Row
from contracts.fields import ObjectKey
from contracts.message import Command, Event, message
from contracts.spec import ColourPreset, Element, ElementKind, Warning, Warnings
from contracts.visibility import Public

ProjectState = Literal["waiting", "importing", "published", "failed"]
BundleState = Literal["awaited", "ready", "rejected"]

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", extra={"must": "must have 1 to 200 characters, not only blanks"})]


class ProjectAnswer(Struct, frozen=True, kw_only=True):
    """A new template: it waits for its file's inspection, or is being read already."""

    project_id: UUID
    state: ProjectState


class Bundle(Row, frozen=True, kw_only=True):
    """What is known of a file that may be a template."""

    file_id: UUID
    state: BundleState
    sha256: str
    scan_key: ObjectKey
    code: str
    detail: str


class Project(Row, frozen=True, kw_only=True):
    """A template."""

    project_id: Public[UUID]
    name: Public[str]
    file_id: Public[UUID]
    state: Public[ProjectState] = "waiting"
    bundle_sha256: Public[str] = ""
    scan_key: ObjectKey = ""
    scene_count: Public[int] = 0
    warnings: Warnings = ()
    code: Public[str] = ""
    detail: Public[str] = ""


class Preset(Row, frozen=True, kw_only=True):
    """A named set of a template's shared colours."""

    project_id: Public[UUID]
    key: Public[str]
    title: Public[str]
    colours: Public[dict[str, str]]


class Scene(Row, frozen=True, kw_only=True):
    """A scene of a template with what can be changed in it; sizes in pixels, duration in seconds."""

    project_id: Public[UUID]
    key: Public[str]
    scene_id: Public[UUID]
    position: Public[int]
    title: Public[str]
    width: Public[int]
    height: Public[int]
    rate: Public[float]
    duration: Public[Annotated[float, Meta(gt=0)]]
    digest: str
    fonts: Public[tuple[str, ...]]
    warnings: Warnings
    snapshot_url: str = ""


class SceneElement(Row, frozen=True, kw_only=True):
    """Something in a scene that a person may change; `preset` is the template's own value."""

    project_id: Public[UUID]
    scene_key: Public[str]
    key: Public[str]
    position: Public[int]
    kind: Public[ElementKind]
    title: Public[str]
    preset: Public[str]
    shared: Public[bool]
    width: Public[int]
    height: Public[int]


BUNDLES = Entity(
    "content.template_bundles", Bundle, key=("file_id",), about="what is known of uploaded template files", view=None, newest=False
)
PROJECTS = Entity("content.projects", Project, key=("project_id",), about="templates", indexes=(("file_id",),), view=None)
PRESETS = Entity(
    "content.colour_presets", Preset, key=("project_id", "key"), about="named sets of a template's shared colours", view=None, newest=False
)
SCENES = Entity(
    "content.scenes",
    Scene,
    key=("project_id", "key"),
    about="scenes of templates; sizes in pixels, durations in seconds",
    view=None,
    newest=False,
)
ELEMENTS = Entity(
    "content.scene_elements",
    SceneElement,
    key=("project_id", "scene_key", "key"),
    about="texts, pictures and colours of scenes",
    view=None,
    newest=False,
)


@message("content.bundle.learn")
class LearnBundle(Command, frozen=True, kw_only=True):
    """A file was announced or judged; projects may wait for it. Sent by earlier releases only."""

    file_id: UUID
    state: BundleState
    sha256: str = ""
    scan_key: str = ""
    code: str = ""
    detail: str = ""


@message("content.bundle.learned")
class BundleLearned(Event, frozen=True, kw_only=True):
    """What is known of a file that may be a template. Of earlier releases only."""

    file_id: UUID
    state: BundleState
    sha256: str
    scan_key: ObjectKey
    code: str
    detail: str


@message("content.project.continue")
class ContinueProjects(Command, frozen=True, kw_only=True):
    """A file was judged: the projects that wait for it go on, or fail."""

    file_id: UUID
    state: Literal["ready", "rejected"]
    sha256: str = ""
    scan_key: str = ""
    code: str = ""
    detail: str = ""


@message("content.project.create")
class CreateProject(Command[ProjectAnswer], frozen=True, kw_only=True):
    """Make a template out of an uploaded file."""

    name: Name
    file_id: UUID


@message("content.project.created", public=True)
class ProjectCreated(Event, frozen=True, kw_only=True):
    """A template exists; its scenes follow once its file is inspected."""

    project_id: Public[UUID]
    name: Public[str]
    file_id: Public[UUID]


@message("content.project.importing", public=True)
class ProjectImporting(Event, frozen=True, kw_only=True):
    """The scan of the template's file is being read."""

    project_id: Public[UUID]
    bundle_sha256: Public[str]
    scan_key: ObjectKey


@message("content.scene.record")
class RecordScene(Command, frozen=True, kw_only=True):
    """One scene as the scan found it."""

    project_id: UUID
    position: int
    key: str
    title: str
    width: int
    height: int
    rate: float
    duration: float
    digest: str
    elements: tuple[Element, ...] = ()
    fonts: tuple[str, ...] = ()
    warnings: tuple[Warning, ...] = ()


@message("content.scene.recorded", public=True)
class SceneRecorded(Event, frozen=True, kw_only=True):
    """A template has this scene; sizes in pixels, duration in seconds."""

    project_id: Public[UUID]
    scene_id: Public[UUID]
    position: Public[int]
    key: Public[str]
    title: Public[str]
    width: Public[int]
    height: Public[int]
    rate: Public[float]
    duration: Public[float]
    digest: Public[str]
    elements: Public[tuple[Element, ...]]
    fonts: Public[tuple[str, ...]]
    warnings: Warnings


@message("content.project.publish")
class PublishProject(Command, frozen=True, kw_only=True):
    """All scenes are recorded."""

    project_id: UUID
    scene_count: int
    presets: tuple[ColourPreset, ...] = ()
    warnings: tuple[Warning, ...] = ()


@message("content.project.published", public=True)
class ProjectPublished(Event, frozen=True, kw_only=True):
    """A template can be filled and rendered."""

    project_id: Public[UUID]
    bundle_sha256: Public[str]
    scene_count: Public[int]
    presets: Public[tuple[ColourPreset, ...]]
    warnings: Warnings


@message("content.project.fail")
class FailProject(Command, frozen=True, kw_only=True):
    """The scan could not be read."""

    project_id: UUID
    code: str
    detail: str


@message("content.project.failed", public=True)
class ProjectFailed(Event, frozen=True, kw_only=True):
    """A template cannot be used."""

    project_id: Public[UUID]
    code: Public[str]
    detail: Public[str]
