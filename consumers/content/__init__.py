"""content: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.content import effects, projects
from consumers.content.rows import BUNDLES, ELEMENTS, PRESETS, PROJECTS, SCENES
from consumers.runtime.common import WholeDomain
from consumers.runtime.copies import copy
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from contracts import content, file_mgr

DOMAIN = WholeDomain(
    name="content",
    tables=(BUNDLES, PROJECTS, PRESETS, SCENES, ELEMENTS),
    decides={
        content.LearnBundle: projects.learn,
        content.ContinueProjects: projects.go_on,
        content.CreateProject: projects.create,
        content.RecordScene: projects.record,
        content.PublishProject: projects.publish,
        content.FailProject: projects.fail,
    },
    reacts=(
        copy("bundles", projects.OF_FILES, BUNDLES, said=projects.said, over=projects.judges, formerly=content.LearnBundle),
        Reaction(
            name="waiting_projects",
            on=(file_mgr.UploadAborted, file_mgr.FileReady, file_mgr.FileRejected),
            make=projects.on_judged,
            history="skip",
            follows="bundles",
        ),
    ),
    writes={
        content.BundleLearned: upsert(BUNDLES),
        content.ProjectCreated: create(PROJECTS),
        content.ProjectImporting: upsert(PROJECTS, state="importing"),
        content.SceneRecorded: projects.scene_recorded,
        content.ProjectPublished: projects.published,
        content.ProjectFailed: upsert(PROJECTS, state="failed"),
    },
    makes={content.ProjectImporting: (effects.on_importing,)},
    effects=effects.KINDS,
)
