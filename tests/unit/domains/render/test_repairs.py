"""Repairs: what is drawn again, what stays, and how a repair ends, in memory."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOBS, REPAIRS
from consumers.render.leases.lease import PARTS, SEGMENTS, ended
from consumers.render.leases.object_keys import export_object_key, segment_object_key
from consumers.render.repairs.frame_repair import MOST_BY_ITSELF
from contracts.actors import BY_ITSELF
from contracts.message import PLATFORM
from contracts.node import LeaveNode, ReportExport, ReportFailure, ReportSegment
from contracts.render.jobs import CancelJob
from contracts.render.parts import ExpirePart
from contracts.render.repairs import FrameRange, ReportRot, RequestRepair, SettleRepair
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, OTHER, SHA, assign, export, fail, farm, register, report, submit

NEW = "1" * 64


def completed(harness: DomainHarness, *texts: str, frames: int = 90) -> UUID:
    """A job of segments of 30 frames, drawn and joined."""
    job_id = submit(harness, *texts, frames=frames)
    part = assign(harness, job_id)
    for key in part.keys:
        report(harness, part, key)
    assembly = assign(harness, job_id, "assemble")
    assert "JobCompleted" in kinds(export(harness, assembly, harness.row(JOBS, job_id).frames_total))
    return job_id


def keys(harness: DomainHarness, job_id: UUID) -> list[str]:
    return [harness.row(JOB_SEGMENTS, job_id, idx).segment_key for idx in range(harness.row(JOBS, job_id).segments_total)]


def rot(harness: DomainHarness, key: str, found: str = NEW) -> Any:
    return harness.do(ReportRot(key=key, object_key=harness.row(SEGMENTS, key).object_key, found_sha256=found), actor="scrubber")


def only(events: Any, name: str) -> Any:
    (found,) = [event for event in events if type(event).__name__ == name]
    return found


def redraw(harness: DomainHarness, job_id: UUID, first: int, sha256: str = SHA) -> Any:
    """Draw one segment again, to these bytes."""
    part = assign(harness, job_id, first=first, count=1)
    (key,) = part.keys
    place = segment_object_key(harness.tenant, key, part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": sha256, "bytes": 1, "difference": 0.0, "seconds": 1.0, "frames": 30}
    return harness.do(ReportSegment(part_id=part.part_id, epoch=part.epoch, key=key, **facts), actor=f"node:{NODE}")


def claim(harness: DomainHarness, assembly: Any, key: str, code: str = "node.file_mismatch") -> Any:
    """A node says that a stored segment cannot be joined."""
    return harness.do(
        ReportFailure(part_id=assembly.part_id, epoch=assembly.epoch, code=code, detail="d", segment=key), actor=f"node:{NODE}"
    )


def test_a_rotten_segment_of_a_completed_job_is_drawn_again_and_the_job_stays_completed() -> None:
    harness = farm()
    job_id = completed(harness)
    key = keys(harness, job_id)[1]
    before = harness.row(SEGMENTS, key)
    events = rot(harness, key)
    assert kinds(events) == ["RepairRequested"]
    assert harness.row(SEGMENTS, key).state == "ready"
    assert harness.row(JOBS, job_id).state == "completed"
    drawn = redraw(harness, job_id, 1)
    assert kinds(drawn) == ["SegmentVerified", "RepairDrawn"]
    repair = harness.row(REPAIRS, events[0].repair_id)
    assert (repair.state, repair.identical) == ("checking", True)
    assert (repair.before[0].sha256, repair.after[0].epoch) == (before.sha256, before.epoch + 1)
    place = harness.row(EXPORTS, job_id)
    ending = harness.do(SettleRepair(repair_id=repair.repair_id, object_key=place.object_key, found_sha256=place.sha256))
    assert kinds(ending) == ["RepairEnded"]
    assert harness.row(REPAIRS, repair.repair_id).state == "done"
    assert harness.row(SEGMENTS, key).repair_id is None


def test_rot_is_reported_in_vain_when_the_segment_stands_for_other_bytes_already() -> None:
    harness = farm()
    job_id = completed(harness)
    key = keys(harness, job_id)[0]
    assert harness.do(ReportRot(key=key, object_key="elsewhere", found_sha256=NEW)) == []
    assert harness.do(ReportRot(key=key, object_key=harness.row(SEGMENTS, key).object_key, found_sha256=SHA)) == []
    assert harness.do(ReportRot(key="unknown", object_key="x")) == []
    rot(harness, key)
    assert rot(harness, key) == [], "it is drawn already"


def test_other_bytes_have_the_export_joined_anew_and_replaced() -> None:
    harness = farm()
    job_id = completed(harness)
    repair_id = rot(harness, keys(harness, job_id)[0])[0].repair_id
    assert "RepairAssembling" in kinds(redraw(harness, job_id, 0, NEW))
    assembly = assign(harness, job_id, "assemble")
    events = export(harness, assembly, 90)
    assert kinds(events) == ["ExportReplaced", "RepairEnded", "PartEnded"]
    assert harness.row(EXPORTS, job_id).object_key == events[0].object_key
    repair = harness.row(REPAIRS, repair_id)
    assert (repair.state, repair.identical) == ("done", False)
    assert harness.row(JOBS, job_id).state == "completed"


@pytest.mark.parametrize(("found", "reason"), [(NEW, "damaged"), ("", "missing")])
def test_an_export_that_is_damaged_or_gone_is_joined_anew_without_drawing(found: str, reason: str) -> None:
    harness = farm()
    job_id = completed(harness)
    events = harness.do(RequestRepair(job_id=job_id, export=True))
    assert kinds(events) == ["RepairRequested", "RepairDrawn"]
    place = harness.row(EXPORTS, job_id).object_key
    joining = harness.do(SettleRepair(repair_id=events[0].repair_id, object_key=place, found_sha256=found))
    assert kinds(joining) == ["RepairAssembling"] and reason in joining[0].reason
    assert kinds(export(harness, assign(harness, job_id, "assemble"), 90))[:2] == ["ExportReplaced", "RepairEnded"]


def test_a_person_has_just_the_segments_drawn_again_that_hold_the_frames() -> None:
    harness = farm()
    job_id = completed(harness, "a", "b", frames=60)
    events = harness.do(RequestRepair(job_id=job_id, frames=(29, 30), ranges=(FrameRange(first=100, last=110),)))
    requested = only(events, "RepairRequested")
    assert [one.idx for one in requested.before] == [0, 1, 3]
    assert requested.frames == (FrameRange(first=29, last=30), FrameRange(first=100, last=110))
    assert harness.answer["segments"] == 3
    states = [harness.row(SEGMENTS, key).state for key in keys(harness, job_id)]
    assert states == ["ready", "ready", "done", "ready"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"frames": (90,)}, "render.out_of_bounds"),
        ({"frames": (-1,)}, "render.out_of_bounds"),
        ({"ranges": (FrameRange(first=5, last=4),)}, "render.out_of_bounds"),
        ({}, "render.no_frames"),
    ],
)
def test_frames_outside_the_video_are_refused(wanted: dict[str, Any], code: str) -> None:
    harness = farm()
    assert refused(harness.do(RequestRepair(job_id=completed(harness), **wanted))) == code


def test_what_cannot_be_repaired_is_refused_with_the_reason() -> None:
    harness = farm()
    assert refused(harness.do(RequestRepair(job_id=uuid4(), frames=(0,)))) == "job.not_found"
    waiting = submit(harness, frames=90)
    assert refused(harness.do(RequestRepair(job_id=waiting, frames=(0,)))) == "render.not_drawn"
    assert refused(harness.do(RequestRepair(job_id=waiting, export=True))) == "render.no_export"
    harness.do(CancelJob(job_id=waiting))
    assert refused(harness.do(RequestRepair(job_id=waiting, frames=(0,)))) == "render.ended"


def test_another_tenant_cannot_ask_for_a_repair() -> None:
    harness = farm()
    assert refused(harness.do(RequestRepair(job_id=completed(harness), frames=(0,)), tenant=uuid4())) == "job.not_found"


def test_a_job_whose_builds_have_left_the_farm_is_not_drawn_again() -> None:
    harness = farm()
    job_id = completed(harness)
    harness.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)
    register(harness, OTHER, engine_build="thorvg-2")
    assert refused(harness.do(RequestRepair(job_id=job_id, frames=(0,)))) == "render.build_gone"
    events = rot(harness, keys(harness, job_id)[0])
    assert (only(events, "RepairEnded").state, only(events, "RepairEnded").code) == ("failed", "render.build_gone")
    assert harness.row(SEGMENTS, keys(harness, job_id)[0]).state == "ready", "its bytes are not trusted any more: the next render draws it"


def test_rot_that_an_assembly_meets_sets_the_job_back_by_that_segment_alone() -> None:
    harness = farm()
    first = completed(harness)
    job_id = submit(harness, frames=90)
    assembly = assign(harness, job_id, "assemble")
    key = keys(harness, first)[2]
    events = claim(harness, assembly, key)
    assert kinds(events) == ["PartEnded", "RepairRequested", "JobSetBack"]
    job = harness.row(JOBS, job_id)
    assert (job.state, job.segments_done, job.frames_done) == ("rendering", 2, 60)
    assert "JobAssembling" in kinds(redraw(harness, job_id, 2))
    assert "JobCompleted" in kinds(export(harness, assign(harness, job_id, "assemble"), 90))


def test_a_segment_that_the_job_does_not_have_cannot_be_claimed_to_be_rotten() -> None:
    harness = farm()
    theirs = completed(harness, "theirs")
    job_id = completed(harness, "mine")
    events = harness.do(RequestRepair(job_id=job_id, export=True))
    place = harness.row(EXPORTS, job_id).object_key
    harness.do(SettleRepair(repair_id=events[0].repair_id, object_key=place, found_sha256=NEW))
    assembly = assign(harness, job_id, "assemble")
    assert kinds(claim(harness, assembly, keys(harness, theirs)[0])) == ["PartEnded"]
    assert harness.row(SEGMENTS, keys(harness, theirs)[0]).state == "done"


def test_a_node_that_calls_segments_rotten_for_ever_fails_the_job_in_the_end() -> None:
    harness = farm()
    completed(harness)
    job_id = submit(harness, frames=90)
    for _ in range(100):
        if harness.row(JOBS, job_id).state == "failed":
            return
        assembly = assign(harness, job_id, "assemble")
        if claim(harness, assembly, keys(harness, job_id)[0]) and harness.row(JOBS, job_id).state == "rendering":
            redraw(harness, job_id, 0)
    pytest.fail("the job is drawn and joined for ever")


def test_a_person_s_repair_that_fails_leaves_the_bytes_that_were_there() -> None:
    harness = farm()
    job_id = completed(harness)
    key = keys(harness, job_id)[0]
    before = harness.row(SEGMENTS, key)
    repair_id = only(harness.do(RequestRepair(job_id=job_id, frames=(0,))), "RepairRequested").repair_id
    part = assign(harness, job_id, first=0, count=1)
    events = fail(harness, part, "template.unreadable")
    assert kinds(events) == ["PartEnded", "RepairEnded"]
    after = harness.row(SEGMENTS, key)
    assert (after.state, after.object_key, after.sha256) == ("done", before.object_key, before.sha256)
    assert (harness.row(REPAIRS, repair_id).state, harness.row(JOBS, job_id).state) == ("failed", "completed")


def test_two_repairs_of_one_job_join_its_export_once() -> None:
    harness = farm()
    job_id = completed(harness)
    one, two = keys(harness, job_id)[:2]
    first, second = rot(harness, one)[0].repair_id, rot(harness, two)[0].repair_id
    assert "RepairEnded" in kinds(redraw(harness, job_id, 0, NEW))
    assert harness.row(REPAIRS, first).state == "done"
    assert "RepairAssembling" in kinds(redraw(harness, job_id, 1)), "its heir joins, though its own bytes are the same"
    assert "ExportReplaced" in kinds(export(harness, assign(harness, job_id, "assemble"), 90))
    assert harness.row(REPAIRS, second).state == "done"


def test_a_lease_that_expires_in_a_repair_has_its_segment_wait_again() -> None:
    harness = farm()
    job_id = completed(harness)
    rot(harness, keys(harness, job_id)[0])
    part = assign(harness, job_id, first=0, count=1)
    harness.do(ExpirePart(part_id=part.part_id, reason="silence"))
    assert refused(report(harness, part, part.keys[0])) == "render.stale_lease"
    assert "RepairDrawn" in kinds(redraw(harness, job_id, 0))


def test_segments_of_a_job_under_way_are_drawn_again_as_part_of_it() -> None:
    harness = farm()
    job_id = submit(harness, frames=90)
    part = assign(harness, job_id)
    report(harness, part, part.keys[0])
    events = harness.do(RequestRepair(job_id=job_id, frames=(0,)))
    assert kinds(events) == ["RepairRequested", "JobSetBack"]
    assert harness.row(JOBS, job_id).segments_done == 0
    for key in part.keys[1:]:
        report(harness, part, key)
    done = redraw(harness, job_id, 0)
    assert "RepairEnded" in kinds(done) and "JobAssembling" in kinds(done)


def test_cancelling_a_job_ends_its_repairs() -> None:
    harness = farm()
    job_id = submit(harness, frames=90)
    part = assign(harness, job_id)
    report(harness, part, part.keys[0])
    repair_id = only(harness.do(RequestRepair(job_id=job_id, frames=(0,))), "RepairRequested").repair_id
    harness.do(CancelJob(job_id=job_id))
    assert harness.row(REPAIRS, repair_id).state == "cancelled"
    assert harness.row(SEGMENTS, keys(harness, job_id)[0]).state == "done", "only a person doubted it"


def test_a_lease_ends_with_what_it_holds_and_not_with_what_another_has_taken_over() -> None:
    harness = farm()
    job_id = completed(harness)
    rot(harness, keys(harness, job_id)[0])
    part = assign(harness, job_id, first=0, count=1)
    row = harness.row(PARTS, part.part_id)
    end = harness._loaded(lambda: ended(row, harness.state.view(harness.tenant), "expired"))
    assert end.returned == part.keys


@pytest.mark.parametrize("actor", sorted(BY_ITSELF))
def test_the_farm_stops_having_an_export_joined_that_never_is_there(actor: str) -> None:
    harness = farm()
    job_id = completed(harness)
    for _ in range(MOST_BY_ITSELF):
        repair_id = harness.do(RequestRepair(job_id=job_id, export=True), actor=actor)[0].repair_id
        place = harness.row(EXPORTS, job_id).object_key
        harness.do(SettleRepair(repair_id=repair_id, object_key=place, found_sha256=""))
        export(harness, assign(harness, job_id, "assemble"), 90)
    assert refused(harness.do(RequestRepair(job_id=job_id, export=True), actor=actor)) == "render.unrepairable"
    assert kinds(harness.do(RequestRepair(job_id=job_id, export=True)))[0] == "RepairRequested", "a person may"


def test_an_export_that_lasts_longer_than_its_frames_is_refused() -> None:
    harness = farm()
    job_id = submit(harness, frames=90)
    part = assign(harness, job_id)
    for key in part.keys:
        report(harness, part, key)
    assembly = assign(harness, job_id, "assemble")
    place = export_object_key(harness.tenant, job_id, assembly.epoch, assembly.part_id)
    told = {"object_key": place, "sha256": SHA, "bytes": 9, "frames": 90, "packets_sha256": "p"}
    report_of = ReportExport(part_id=assembly.part_id, epoch=assembly.epoch, duration=1e9, **told)
    assert refused(harness.do(report_of, actor=f"node:{NODE}")) == "render.out_of_bounds"
