"""studio: what decides each command, reacts to each foreign event and writes each event."""

from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from consumers.studio import copies, renders, saved_projects, snapshots
from consumers.studio.copies import FILES, PENDING, SCENES, TEMPLATES
from consumers.studio.renders import REQUESTS
from consumers.studio.saved_projects import SAVED
from consumers.studio.snapshots import SNAPSHOTS
from contracts.studio.copies import FileLearned, SceneLearned, TemplateLearned
from contracts.studio.renders import RenderRequested, RequestRender
from contracts.studio.saved_projects import ProjectSaved, SaveProject
from contracts.studio.snapshots import RequestSnapshot, SnapshotRequested

DOMAIN = WholeDomain(
    name="studio",
    tables=(TEMPLATES, SCENES, FILES, SAVED, REQUESTS, SNAPSHOTS, PENDING),
    decides={
        **copies.LEARNED,
        SaveProject: saved_projects.save,
        RequestRender: renders.request,
        RequestSnapshot: snapshots.request,
    },
    reacts=copies.LEARNS,
    writes={
        SceneLearned: create(SCENES),
        TemplateLearned: create(TEMPLATES),
        FileLearned: create(FILES),
        ProjectSaved: upsert(SAVED),
        RenderRequested: renders.requested,
        SnapshotRequested: snapshots.requested,
    },
)
