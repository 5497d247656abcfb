"""The content domain's event tables (migrations 06 and 07)."""

from uuid import UUID

from consumers.runtime.table import Row, Table
from contracts.content import BundleState, ProjectState
from contracts.spec import ElementKind, Warning


class Bundle(Row, frozen=True, kw_only=True):
    """What is known of a file that may be a template."""

    file_id: UUID
    state: BundleState
    sha256: str
    scan_key: str
    code: str
    detail: str


class Project(Row, frozen=True, kw_only=True):
    """A template."""

    project_id: UUID
    name: str
    file_id: UUID
    state: ProjectState = "waiting"
    bundle_sha256: str = ""
    scan_key: str = ""
    scene_count: int = 0
    warnings: tuple[Warning, ...] = ()
    code: str = ""
    detail: str = ""


class Preset(Row, frozen=True, kw_only=True):
    """A named set of a template's shared colours."""

    project_id: UUID
    key: str
    title: str
    colours: dict[str, str]


class Scene(Row, frozen=True, kw_only=True):
    """A scene of a template."""

    project_id: UUID
    key: str
    scene_id: UUID
    position: int
    title: str
    width: int
    height: int
    rate: float
    duration: float
    digest: str
    fonts: tuple[str, ...]
    warnings: tuple[Warning, ...]
    snapshot_url: str = ""


class SceneElement(Row, frozen=True, kw_only=True):
    """Something in a scene that a person may change; `preset` is the template's own value."""

    project_id: UUID
    scene_key: str
    key: str
    position: int
    kind: ElementKind
    title: str
    preset: str
    shared: bool
    width: int
    height: int


BUNDLES = Table("content.template_bundles", Bundle, ("file_id",))
PROJECTS = Table("content.projects", Project, ("project_id",), (("file_id",),))
PRESETS = Table("content.colour_presets", Preset, ("project_id", "key"))
SCENES = Table("content.scenes", Scene, ("project_id", "key"))
ELEMENTS = Table("content.scene_elements", SceneElement, ("project_id", "scene_key", "key"))
