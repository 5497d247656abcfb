"""studio: what decides each command, reacts to each foreign event and writes each event."""

from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from consumers.studio import learning, renders, saved, snapshots
from consumers.studio.learning import FILES, PENDING, SCENES, TEMPLATES
from consumers.studio.renders import REQUESTS
from consumers.studio.saved import SAVED
from consumers.studio.snapshots import SNAPSHOTS
from contracts import studio

DOMAIN = WholeDomain(
    name="studio",
    tables=(TEMPLATES, SCENES, FILES, SAVED, REQUESTS, SNAPSHOTS, PENDING),
    decides={
        **learning.LEARNED,
        studio.SaveProject: saved.save,
        studio.RequestRender: renders.request,
        studio.RequestSnapshot: snapshots.request,
    },
    reacts=learning.LEARNS,
    writes={
        studio.SceneLearned: create(SCENES),
        studio.TemplateLearned: create(TEMPLATES),
        studio.FileLearned: create(FILES),
        studio.ProjectSaved: upsert(SAVED),
        studio.RenderRequested: renders.requested,
        studio.SnapshotRequested: snapshots.requested,
    },
)
