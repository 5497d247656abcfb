"""Templates: made from an uploaded file, filled from its scan, published once every scene is there."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.projection import fresh, moved, shared
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.content import projects
from contracts.content.projects import (
    Bundle,
    BundleLearned,
    BundleState,
    ContinueProjects,
    CreateProject,
    FailProject,
    LearnBundle,
    Project,
    ProjectAnswer,
    ProjectCreated,
    ProjectFailed,
    ProjectImporting,
    ProjectPublished,
    PublishProject,
    RecordScene,
    SceneRecorded,
)
from contracts.entity import Row, carry
from contracts.envelope import Envelope
from contracts.file_mgr.files import FileReady, FileRejected
from contracts.file_mgr.uploads import UploadAborted, UploadStarted
from contracts.message import Command, Event

BUNDLES, PROJECTS, PRESETS = Table.of(projects.BUNDLES), Table.of(projects.PROJECTS), Table.of(projects.PRESETS)
SCENES, ELEMENTS = Table.of(projects.SCENES), Table.of(projects.ELEMENTS)
LEARNING = 1.5  # seconds in which a file may still be on its way from its own domain
# Seconds in which a template's publishing waits for its last scene: longer than a parked type of commands is left alone (a minute).
PATIENCE = 120.0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says of a file that may be a template."""

    file_id: UUID
    state: BundleState
    sha256: str = ""
    scan_key: str = ""
    code: str = ""
    detail: str = ""


OfFiles = UploadStarted | UploadAborted | FileReady | FileRejected
OF_FILES = (UploadStarted, UploadAborted, FileReady, FileRejected)


def said(event: OfFiles) -> Said:
    """The file is on its way, so that templates may be made of it already; or it can be used; or it will never be."""
    if isinstance(event, UploadStarted):
        return Said(file_id=event.file_id, state="awaited")
    if isinstance(event, UploadAborted):
        return Said(file_id=event.file_id, state="rejected", code="file.upload_aborted", detail=f"the upload ended: {event.reason}")
    if isinstance(event, FileRejected):
        return Said(file_id=event.file_id, state="rejected", code=event.code, detail=event.detail)
    if event.kind != "template":
        what = "of no kind that is known here" if event.kind == "unknown" else f"of kind {event.kind}"
        detail = f"the file is {what}; a template is a Lottie .json, a .lottie or a zip of them"
        return Said(file_id=event.file_id, state="rejected", code="template.kind", detail=detail)
    return Said(file_id=event.file_id, state="ready", sha256=event.sha256, scan_key=event.scan_key)


def judges(known: Bundle, values: dict[str, Any]) -> bool:
    """Of a file that was announced, its first judgement is what stands."""
    return known.state == "awaited" and values["state"] != "awaited"


def on_judged(event: UploadAborted | FileReady | FileRejected, envelope: Envelope) -> list[Command]:
    """The projects that wait for a file go on, or fail with its reason."""
    return [ContinueProjects(**msgspec.structs.asdict(said(event)))]


def go_on(cmd: ContinueProjects, view: View, ctx: Context) -> Decision:
    """Go on with the projects that wait for a file; those that come later see it in the copy."""
    return [_next(project, cmd) for project in view.where(PROJECTS, file_id=cmd.file_id) if project.state == "waiting"]


def learn(cmd: LearnBundle, view: View, ctx: Context) -> Decision:
    """Note a template file, and go on with the projects that wait for it: of an earlier release's queue."""
    known, values = view.get(BUNDLES, cmd.file_id), {name: getattr(cmd, name) for name in cmd.__struct_fields__}
    if known is not None and not judges(known, values):
        return []
    events: list[Event] = [BundleLearned(**values)]
    for project in view.where(PROJECTS, file_id=cmd.file_id) if cmd.state != "awaited" else ():
        if project.state == "waiting":
            events.append(_next(project, cmd))
    return events


def _next(project: Project, bundle: LearnBundle | ContinueProjects) -> Event:
    if bundle.state == "rejected":
        return ProjectFailed(project_id=project.project_id, code=bundle.code, detail=bundle.detail)
    return ProjectImporting(project_id=project.project_id, bundle_sha256=bundle.sha256, scan_key=bundle.scan_key)


def create(cmd: CreateProject, view: View, ctx: Context) -> Decision[ProjectAnswer]:
    """Make a template; it waits for its file where that is not inspected yet."""
    project_id = ctx.id("project")
    created = ProjectCreated(project_id=project_id, name=cmd.name, file_id=cmd.file_id)
    bundle = view.get(BUNDLES, cmd.file_id)
    if bundle is None:
        detail = f"there is no file {cmd.file_id}; upload it first"
        return refuse("file.not_found", detail, "file_id", retry_for=LEARNING)
    if bundle.state == "awaited":
        return Answer([created], ProjectAnswer(project_id=project_id, state="waiting"))
    if bundle.state == "rejected":
        return refuse(bundle.code, bundle.detail, "file_id")
    importing = ProjectImporting(project_id=project_id, bundle_sha256=bundle.sha256, scan_key=bundle.scan_key)
    return Answer([created, importing], ProjectAnswer(project_id=project_id, state="importing"))


def record(cmd: RecordScene, view: View, ctx: Context) -> Decision:
    """Take in one scene of the scan."""
    project = view.get(PROJECTS, cmd.project_id)
    if project is None or project.state != "importing" or view.get(SCENES, cmd.project_id, cmd.key) is not None:
        return []
    return [carry(SceneRecorded, cmd, scene_id=ctx.id("scene"))]


def publish(cmd: PublishProject, view: View, ctx: Context) -> Decision:
    """Publish a template whose scenes are all recorded."""
    project = view.get(PROJECTS, cmd.project_id)
    if project is None or project.state != "importing":
        return []
    if project.scene_count != cmd.scene_count:
        reason = f"{project.scene_count} of {cmd.scene_count} scenes are recorded"
        if (ctx.now - ctx.envelope.time).total_seconds() >= PATIENCE:
            detail = f"only {reason}: the others could not be stored; upload the template again, or tell support"
            return [ProjectFailed(project_id=cmd.project_id, code="template.scenes_missing", detail=detail)]
        return refuse("content.scenes_missing", reason, retry_for=PATIENCE)
    published = ProjectPublished(
        project_id=project.project_id,
        bundle_sha256=project.bundle_sha256,
        scene_count=cmd.scene_count,
        presets=cmd.presets,
        warnings=cmd.warnings,
    )
    return [published]


def fail(cmd: FailProject, view: View, ctx: Context) -> Decision:
    """Give a template up."""
    project = view.get(PROJECTS, cmd.project_id)
    if project is None or project.state in ("published", "failed"):
        return []
    return [ProjectFailed(project_id=cmd.project_id, code=cmd.code, detail=cmd.detail)]


def scene_recorded(event: SceneRecorded, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The scene, its elements, and the project's count."""
    project = view.get(PROJECTS, event.project_id)
    assert project is not None, "scenes are recorded for a project"
    yield PROJECTS, moved(project, envelope, scene_count=project.scene_count + 1)
    yield SCENES, fresh(SCENES, envelope, shared(event, SCENES))
    for position, element in enumerate(event.elements):
        place = {"project_id": event.project_id, "scene_key": event.key, "key": element.key, "position": position}
        look = {"kind": element.kind, "title": element.title, "preset": element.default, "shared": element.shared}
        yield ELEMENTS, fresh(ELEMENTS, envelope, place | look | {"width": element.width, "height": element.height})


def published(event: ProjectPublished, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The project and its colour presets."""
    project = view.get(PROJECTS, event.project_id)
    assert project is not None, "only a created project is published"
    yield PROJECTS, moved(project, envelope, state="published", warnings=event.warnings)
    for preset in event.presets:
        values = {"project_id": event.project_id, "key": preset.key, "title": preset.title, "colours": preset.colours}
        yield PRESETS, fresh(PRESETS, envelope, values)
