"""studio's copies of templates and files, as content and file_mgr tell of them, with messages of earlier releases."""

from uuid import UUID

from contracts.entity import Entity, Row
from contracts.file_mgr.files import FileKind
from contracts.message import Command, Event, message
from contracts.spec import ColourPreset, Element, Warning


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
    "studio.known_files",
    KnownFile,
    key=("file_id",),
    about="what studio knows of files, from file_mgr's events",
    view=None,
    newest=False,
)


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
