"""What nodes notice while they draw: told to every render that it concerns, once for each code, scene and element."""

from collections.abc import Iterable
from uuid import UUID

from consumers.render.jobs.tables import JOBS
from consumers.render.leases.kind import Rows
from consumers.render.leases.object_keys import without_places
from consumers.runtime.projection import moved
from consumers.runtime.state import View
from contracts.envelope import Envelope
from contracts.node import LONGEST_WARNING, MOST_WARNINGS
from contracts.render.jobs import JobWarned
from contracts.spec import Warning

MOST_OF_A_JOB = 100
LONGEST_CODE, LONGEST_NAME = 60, 120  # characters


def noticed(said: Iterable[Warning]) -> tuple[Warning, ...]:
    """What a node says, within bounds, and without the addresses of objects: it may say anything."""
    kept: dict[tuple[str, str, str], Warning] = {}
    for one in said:
        warning = Warning(
            code=one.code[:LONGEST_CODE],
            detail=without_places(one.detail)[:LONGEST_WARNING],
            element=one.element[:LONGEST_NAME],
            scene=one.scene[:LONGEST_NAME],
        )
        kept.setdefault(_place(warning), warning)
    return tuple(kept.values())[:MOST_WARNINGS]


def told(job_id: UUID, warned: Iterable[Warning], found: Iterable[Warning]) -> list[JobWarned]:
    """The events that a render is warned by of what is `found`; none where it was `warned` of all, or of enough, before."""
    known = {*map(_place, warned)}
    fresh = {_place(one): one for one in found if _place(one) not in known}
    news = tuple(fresh.values())[: max(0, MOST_OF_A_JOB - len(known))]
    return [JobWarned(job_id=job_id, warnings=news[at : at + MOST_WARNINGS]) for at in range(0, len(news), MOST_WARNINGS)]


def job_warned(event: JobWarned, envelope: Envelope, view: View) -> Rows:
    """The render knows them beside those that were known before."""
    job = view.get(JOBS, event.job_id)
    assert job is not None, "only a submitted job is warned"
    yield JOBS, moved(job, envelope, warnings=(*job.warnings, *event.warnings))


def _place(warning: Warning) -> tuple[str, str, str]:
    return warning.code, warning.scene, warning.element
