"""What nodes notice while they draw: every render that it concerns is told, once for each code, scene and element."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render.jobs.tables import JOBS
from consumers.render.jobs.warnings import MOST_OF_A_JOB, told
from consumers.render.kinds.snapshots import SNAPSHOTS
from consumers.render.leases.object_keys import segment_object_key
from contracts.node import LONGEST_WARNING, MOST_WARNINGS, ReportSegment
from contracts.render.jobs import SubmitJob
from contracts.spec import Warning
from tests.support.domain_harness import DomainHarness, kinds
from tests.unit.domains.render.test_render import NODE, SHA, assign, farm, spec, submit
from tests.unit.domains.render.test_snapshots import picture, queued

TORN = Warning(code="text.overflow", detail="It does not fit.", element="frl_title", scene="s")
FONT = Warning(code="font.missing", detail="The font 'X' is not there.", scene="s")


def report(harness: DomainHarness, part: Any, at: int, *warnings: Warning) -> Any:
    key = part.keys[at]
    facts = {"object_key": segment_object_key(harness.tenant, key, part.epoch, part.part_id), "sha256": SHA, "bytes": 1}
    command = ReportSegment(
        part_id=part.part_id, epoch=part.epoch, key=key, frames=30, difference=0.0, seconds=1.0, warnings=warnings, **facts
    )
    return harness.do(command, actor=f"node:{NODE}")


def warned(harness: DomainHarness, job_id: UUID) -> tuple[Warning, ...]:
    return tuple(harness.row(JOBS, job_id).warnings)


def test_what_a_node_notices_reaches_the_render_and_its_feed_once() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    [_, event, *_] = events = report(harness, part, 0, TORN, FONT)
    assert kinds(events)[1] == "JobWarned" and event.warnings == (TORN, FONT)
    assert "JobWarned" not in kinds(report(harness, part, 1, TORN)), "it is known"
    assert warned(harness, job_id) == (TORN, FONT)


def test_another_element_and_another_scene_are_told_as_well() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    other = Warning(code=TORN.code, detail=TORN.detail, element="frl_other", scene="s")
    elsewhere = Warning(code=TORN.code, detail=TORN.detail, element="frl_title", scene="outro")
    report(harness, part, 0, TORN)
    report(harness, part, 1, TORN, other, elsewhere)
    assert warned(harness, job_id) == (TORN, other, elsewhere)


def test_every_render_that_waits_for_a_segment_is_warned() -> None:
    harness = farm()
    jobs = [submit(harness), submit(harness)]
    report(harness, assign(harness, jobs[0]), 0, TORN)
    assert [warned(harness, job_id) for job_id in jobs] == [(TORN,)] * 2


def test_a_render_that_takes_up_what_was_drawn_before_is_warned_as_well() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    report(harness, part, 0, TORN)
    report(harness, part, 1)
    job_id = uuid4()
    events = harness.do(SubmitJob(job_id=job_id, spec=spec("a"), spec_sha256="s", priority=50))
    assert kinds(events) == ["JobSubmitted", "JobPlanned", "SegmentsPlanned", "JobWarned", "JobAssembling"]
    assert warned(harness, job_id) == (TORN,)


def test_what_was_said_when_the_render_was_asked_for_is_not_said_again() -> None:
    harness = farm()
    job_id = uuid4()
    harness.do(SubmitJob(job_id=job_id, spec=spec("a"), spec_sha256="s", priority=50, warnings=(FONT,)))
    report(harness, assign(harness, job_id), 0, FONT, TORN)
    assert warned(harness, job_id) == (FONT, TORN)


def test_what_a_node_makes_up_is_kept_within_bounds_and_tells_no_place() -> None:
    harness = farm()
    job_id = submit(harness)
    many = [Warning(code=f"made.up{at}", detail="x" * 5000, element="e" * 5000, scene="s" * 5000) for at in range(100)]
    place = Warning(code="picture.missing", detail="http://store:9000/bucket/files/secret?sig=1 is gone")
    report(harness, assign(harness, job_id), 0, place, *many)
    found = warned(harness, job_id)
    assert len(found) == MOST_WARNINGS and len(found[1].detail) == LONGEST_WARNING
    assert "secret" not in found[0].detail


@pytest.mark.parametrize(("known", "fresh"), [(0, MOST_OF_A_JOB), (MOST_OF_A_JOB - 1, 1), (MOST_OF_A_JOB, 0), (MOST_OF_A_JOB + 50, 0)])
def test_a_render_is_warned_only_so_often(known: int, fresh: int) -> None:
    before = [Warning(code=f"a{at}", detail="") for at in range(known)]
    events = told(uuid4(), before, [Warning(code=f"b{at}", detail="") for at in range(2 * MOST_OF_A_JOB)])
    assert sum(len(event.warnings) for event in events) == fresh
    assert all(len(event.warnings) <= MOST_WARNINGS for event in events)


def test_a_picture_of_a_scene_tells_what_is_wrong_with_it() -> None:
    harness, snapshot_id = queued()
    [drawn, _] = picture(harness, assign(harness, snapshot_id, "snapshot"), warnings=(TORN,))
    assert drawn.warnings == (TORN,) and tuple(harness.row(SNAPSHOTS, snapshot_id).warnings) == (TORN,)
