"""What studio learns from other domains' events, so that its decisions need nobody else's tables.

Each fact comes once. Earlier releases learned by commands and events of studio's own: what those left behind is decided here still.
"""

from collections.abc import Iterable
from typing import Any

from consumers.runtime.copies import copy, noted
from consumers.runtime.domain import Decide
from consumers.runtime.projection import fresh, moved
from consumers.runtime.reactions import Fold
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.content.projects import ProjectPublished, SceneRecorded
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.file_mgr.files import FileReady
from contracts.message import Command
from contracts.render.jobs import JobCancelled, JobCompleted, JobFailed
from contracts.studio import copies, renders
from contracts.studio.copies import FileLearned, LearnFile, LearnScene, LearnTemplate, SceneLearned, TemplateLearned
from contracts.studio.renders import RenderRequested

SCENES, TEMPLATES = Table.of(copies.SCENES), Table.of(copies.TEMPLATES)
FILES, PENDING = Table.of(copies.FILES), Table.of(renders.PENDING)


def fold_pending(
    event: RenderRequested | JobCompleted | JobFailed | JobCancelled, envelope: Envelope, view: View
) -> Iterable[tuple[Table[Any], Row]]:
    """A render was asked for, or one has ended."""
    known = view.get(PENDING)
    pending = (known.pending if known else 0) + (1 if isinstance(event, RenderRequested) else -1)
    pending = max(0, pending)  # a job that nobody asked studio for may end, too
    yield PENDING, fresh(PENDING, envelope, {"pending": pending}) if known is None else moved(known, envelope, pending=pending)


LEARNS = (
    copy("scenes", SceneRecorded, SCENES, renamed={"scene": "key"}, formerly=LearnScene),
    copy("templates", ProjectPublished, TEMPLATES, formerly=LearnTemplate),
    copy("files", FileReady, FILES, formerly=LearnFile),
    Fold(name="pending", on=(RenderRequested, JobCompleted, JobFailed, JobCancelled), into=PENDING, write=fold_pending),
)
LEARNED: dict[type[Command], Decide] = {
    LearnScene: noted(SCENES, SceneLearned),
    LearnTemplate: noted(TEMPLATES, TemplateLearned),
    LearnFile: noted(FILES, FileLearned),
}
"""What earlier releases had asked for."""
