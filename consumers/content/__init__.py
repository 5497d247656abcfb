"""content: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.content import categories, effects, projects
from consumers.content.categories import CATEGORIES
from consumers.content.projects import BUNDLES, ELEMENTS, PRESETS, PROJECTS, SCENES
from consumers.runtime.common import WholeDomain
from consumers.runtime.copies import copy
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from contracts import content
from contracts.file_mgr.files import FileReady, FileRejected
from contracts.file_mgr.uploads import UploadAborted

DOMAIN = WholeDomain(
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
    },
    reacts=(
        copy("bundles", projects.OF_FILES, BUNDLES, said=projects.said, replaces=projects.judges, formerly=content.projects.LearnBundle),
        Reaction(
            name="waiting_projects",
            on=(UploadAborted, FileReady, FileRejected),
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
    },
    makes={content.projects.ProjectImporting: (effects.on_importing,)},
    effects=effects.KINDS,
)
