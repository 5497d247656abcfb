"""What studio learns from other domains' events, so that its decisions need nobody else's tables."""

from consumers.runtime.domain import Context, Decision
from consumers.runtime.state import View
from consumers.studio.rows import FILES, SCENES, TEMPLATES
from contracts.content import ProjectPublished, SceneRecorded
from contracts.envelope import Envelope
from contracts.file_mgr import FileReady
from contracts.message import Command
from contracts.studio import FileLearned, LearnFile, LearnScene, LearnTemplate, SceneLearned, TemplateLearned

_SCENE = ("project_id", "position", "width", "height", "rate", "duration", "digest", "elements", "fonts", "warnings")


def on_scene(event: SceneRecorded, envelope: Envelope) -> list[Command]:
    """A template has one more scene."""
    return [LearnScene(scene=event.key, **{name: getattr(event, name) for name in _SCENE})]


def on_template(event: ProjectPublished, envelope: Envelope) -> list[Command]:
    """A template can be filled."""
    names = ("project_id", "bundle_sha256", "scene_count", "presets")
    return [LearnTemplate(**{name: getattr(event, name) for name in names})]


def on_file(event: FileReady, envelope: Envelope) -> list[Command]:
    """A file can be used."""
    return [LearnFile(file_id=event.file_id, kind=event.kind, sha256=event.sha256, duration=event.duration)]


def scene(cmd: LearnScene, view: View, ctx: Context) -> Decision:
    """Note a scene."""
    if view.get(SCENES, cmd.project_id, cmd.scene) is not None:
        return []
    return [SceneLearned(**{name: getattr(cmd, name) for name in cmd.__struct_fields__})]


def template(cmd: LearnTemplate, view: View, ctx: Context) -> Decision:
    """Note a template."""
    if view.get(TEMPLATES, cmd.project_id) is not None:
        return []
    return [TemplateLearned(**{name: getattr(cmd, name) for name in cmd.__struct_fields__})]


def file(cmd: LearnFile, view: View, ctx: Context) -> Decision:
    """Note a file."""
    if view.get(FILES, cmd.file_id) is not None:
        return []
    return [FileLearned(**{name: getattr(cmd, name) for name in cmd.__struct_fields__})]
