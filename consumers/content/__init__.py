"""content: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.content import categories, effects, projects
from consumers.content.categories import CATEGORIES
from consumers.content.projects import BUNDLES, ELEMENTS, PRESETS, PROJECTS, SCENES
from consumers.runtime.domain import Domain
from consumers.runtime.effects import steering
from consumers.runtime.projection import create, nothing, upsert
from consumers.runtime.reactions import Fold, Reaction
from contracts import content, file_mgr
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = Domain(
    name="content",
    tables=(BUNDLES, PROJECTS, PRESETS, SCENES, ELEMENTS, CATEGORIES),
    decides={
        content.projects.LearnBundle: projects.learn,
        content.projects.ContinueProjects: projects.go_on,
        content.projects.CreateProject: projects.create,
        content.projects.RecordScene: projects.record,
        content.projects.PublishProject: projects.publish,
        content.projects.FailProject: projects.fail,
        content.categories.CreateCategory: categories.create,
        content.categories.RenameCategory: categories.rename,
        content.categories.DeleteCategory: categories.delete,
        **steering.decides("content"),
    },
    reacts=(
        Fold(
            name="bundles",
            on=(file_mgr.UploadStarted, file_mgr.UploadAborted, file_mgr.FileReady, file_mgr.FileRejected),
            into=BUNDLES,
            write=projects.fold_bundle,
            formerly=projects.on_said,
        ),
        Reaction(
            name="waiting_projects",
            on=(file_mgr.UploadAborted, file_mgr.FileReady, file_mgr.FileRejected),
            make=projects.on_judged,
            history="skip",
            follows="bundles",
        ),
    ),
    writes={
        content.projects.BundleLearned: upsert(BUNDLES),
        content.projects.ProjectCreated: create(PROJECTS),
        content.projects.ProjectImporting: upsert(PROJECTS, state="importing"),
        content.projects.SceneRecorded: projects.scene_recorded,
        content.projects.ProjectPublished: projects.published,
        content.projects.ProjectFailed: upsert(PROJECTS, state="failed"),
        content.categories.CategoryCreated: create(CATEGORIES),
        content.categories.CategoryRenamed: upsert(CATEGORIES),
        content.categories.CategoryDeleted: upsert(CATEGORIES, state="deleted"),
        REFUSED["content"]: nothing,
        QUARANTINED["content"]: nothing,
        **steering.writes("content"),
    },
    makes={content.projects.ProjectImporting: (effects.on_importing,)},
    effects=effects.KINDS,
)
