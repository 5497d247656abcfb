"""What studio learns from other domains' events, so that its decisions need nobody else's tables.

Each fact comes once. Earlier releases learned by commands and events of studio's own: what those left behind is decided here still.
"""

from collections.abc import Iterable
from typing import Any

from consumers.runtime.domain import Context, Decision
from consumers.runtime.projection import fresh, moved
from consumers.runtime.reactions import Fold
from consumers.runtime.state import View
from consumers.runtime.table import Row, Table
from contracts import studio
from contracts.content.projects import ProjectPublished, SceneRecorded
from contracts.entity import carry
from contracts.envelope import Envelope
from contracts.file_mgr import FileReady
from contracts.message import Command
from contracts.render import JobCancelled, JobCompleted, JobFailed
from contracts.studio import FileLearned, LearnFile, LearnScene, LearnTemplate, RenderRequested, SceneLearned, TemplateLearned

SCENES, TEMPLATES = Table.of(studio.SCENES), Table.of(studio.TEMPLATES)
FILES, PENDING = Table.of(studio.FILES), Table.of(studio.PENDING)
_SCENE = ("project_id", "position", "width", "height", "rate", "duration", "digest", "elements", "fonts", "warnings")
_TEMPLATE = ("project_id", "bundle_sha256", "scene_count", "presets")
_FILE = ("file_id", "kind", "sha256", "duration")
Rows = Iterable[tuple[Table[Any], Row]]


def fold_scene(event: SceneRecorded, envelope: Envelope, view: View) -> Rows:
    """A template has one more scene."""
    if view.get(SCENES, event.project_id, event.key) is None:
        yield SCENES, fresh(SCENES, envelope, {"scene": event.key} | _some(event, _SCENE))


def fold_template(event: ProjectPublished, envelope: Envelope, view: View) -> Rows:
    """A template can be filled."""
    if view.get(TEMPLATES, event.project_id) is None:
        yield TEMPLATES, fresh(TEMPLATES, envelope, _some(event, _TEMPLATE))


def fold_file(event: FileReady, envelope: Envelope, view: View) -> Rows:
    """A file can be used."""
    if view.get(FILES, event.file_id) is None:
        yield FILES, fresh(FILES, envelope, _some(event, _FILE))


def fold_pending(event: RenderRequested | JobCompleted | JobFailed | JobCancelled, envelope: Envelope, view: View) -> Rows:
    """A render was asked for, or one has ended."""
    known = view.get(PENDING)
    pending = (known.pending if known else 0) + (1 if isinstance(event, RenderRequested) else -1)
    pending = max(0, pending)  # a job that nobody asked studio for may end, too
    yield PENDING, fresh(PENDING, envelope, {"pending": pending}) if known is None else moved(known, envelope, pending=pending)


def _some(event: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(event, name) for name in names}


def on_scene(event: SceneRecorded, envelope: Envelope) -> list[Command]:
    """How earlier releases learned of a scene."""
    return [LearnScene(scene=event.key, **_some(event, _SCENE))]


def on_template(event: ProjectPublished, envelope: Envelope) -> list[Command]:
    """How earlier releases learned of a template."""
    return [LearnTemplate(**_some(event, _TEMPLATE))]


def on_file(event: FileReady, envelope: Envelope) -> list[Command]:
    """How earlier releases learned of a file."""
    return [LearnFile(**_some(event, _FILE))]


def scene(cmd: LearnScene, view: View, ctx: Context) -> Decision:
    """Note a scene."""
    if view.get(SCENES, cmd.project_id, cmd.scene) is not None:
        return []
    return [carry(SceneLearned, cmd)]


def template(cmd: LearnTemplate, view: View, ctx: Context) -> Decision:
    """Note a template."""
    if view.get(TEMPLATES, cmd.project_id) is not None:
        return []
    learned = TemplateLearned(project_id=cmd.project_id, bundle_sha256=cmd.bundle_sha256, scene_count=cmd.scene_count, presets=cmd.presets)
    return [learned]


def file(cmd: LearnFile, view: View, ctx: Context) -> Decision:
    """Note a file."""
    if view.get(FILES, cmd.file_id) is not None:
        return []
    return [FileLearned(file_id=cmd.file_id, kind=cmd.kind, sha256=cmd.sha256, duration=cmd.duration)]


LEARNS = (
    Fold(name="scenes", on=SceneRecorded, into=SCENES, write=fold_scene, formerly=on_scene),
    Fold(name="templates", on=ProjectPublished, into=TEMPLATES, write=fold_template, formerly=on_template),
    Fold(name="files", on=FileReady, into=FILES, write=fold_file, formerly=on_file),
    Fold(name="pending", on=(RenderRequested, JobCompleted, JobFailed, JobCancelled), into=PENDING, write=fold_pending),
)
