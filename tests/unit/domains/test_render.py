from typing import Any
from uuid import UUID, uuid4

import pytest

from consumers.render import DOMAIN, nodes
from consumers.render.failures import ENGINE_ATTEMPTS, SHORT_ATTEMPTS
from consumers.render.parts import MOST_ADVANCES
from consumers.render.places import export_place, segment_place
from consumers.render.rows import CRASHES, EXPORTS, FILES, INSPECTIONS, JOB_SEGMENTS, JOBS, NODES, PARTS, SEGMENTS
from contracts.farm import LoseNode
from contracts.message import PLATFORM
from contracts.node import (
    OLDEST,
    PROTOCOL,
    LeaveNode,
    RegisterNode,
    ReportCrash,
    ReportExport,
    ReportFailure,
    ReportInspection,
    ReportSegment,
)
from contracts.render import (
    AssignPart,
    CancelJob,
    ExpirePart,
    InspectionEnded,
    JobAdvanced,
    PartEnded,
    PlanJob,
    RequestInspection,
    SegmentVerified,
    SubmitJob,
)
from contracts.spec import RenderSpec, SceneSpec
from tests.unit.domains.world import World, kinds, refused

NODE, OTHER = uuid4(), uuid4()
SHA = "0" * 64
BUILD = {"engine_build": "thorvg-1", "encoder_build": "x264-1", "version": "0", "platform": "linux"}


def spec(*texts: str, frames: int = 60) -> RenderSpec:
    scenes = tuple(SceneSpec(scene="s", bundle="b", digest="d", frames=frames, duration=frames / 30, texts={"t": text}) for text in texts)
    return RenderSpec(scenes=scenes, width=320, height=180)


def register(world: World, node: UUID = NODE, **change: Any) -> Any:
    command = RegisterNode(**{"protocol": PROTOCOL, "name": "n", "slots": 1, **BUILD, **change})
    return world.do(command, actor=f"node:{node}", tenant=PLATFORM)


def farm() -> World:
    world = World(DOMAIN)
    register(world)
    return world


def submit(world: World, *texts: str, frames: int = 60) -> UUID:
    job_id = uuid4()
    world.do(SubmitJob(job_id=job_id, spec=spec(*(texts or ("a",)), frames=frames), spec_sha256="s", priority=50))
    return job_id


def assign(world: World, job_id: UUID, kind: str = "render", node: UUID = NODE, first: int = 0, count: int = 20) -> Any:
    events = world.do(AssignPart(kind=kind, subject_id=job_id, node_id=node, node_epoch=1, first=first, count=count))
    return events[0] if isinstance(events, list) else events


def report(world: World, part: Any, key: str, *, frames: int = 30, node: UUID = NODE, epoch: int | None = None) -> Any:
    place = segment_place(world.tenant, key, part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0}
    command = ReportSegment(part_id=part.part_id, epoch=part.epoch if epoch is None else epoch, key=key, frames=frames, **facts)
    return world.do(command, actor=f"node:{node}")


def fail(world: World, part: Any, code: str, crash: str | None = None, node: UUID = NODE) -> Any:
    return world.do(ReportFailure(part_id=part.part_id, epoch=part.epoch, code=code, detail="d", crash=crash), actor=f"node:{node}")


def export(world: World, part: Any, frames: int) -> Any:
    place = export_place(world.tenant, part.subject_id, part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": SHA, "bytes": 9, "duration": frames / 30, "packets_sha256": "p"}
    return world.do(ReportExport(part_id=part.part_id, epoch=part.epoch, frames=frames, **facts), actor=f"node:{NODE}")


def drawn(world: World, job_id: UUID) -> Any:
    part = assign(world, job_id)
    for key in part.keys:
        report(world, part, key)
    return part


def test_a_job_is_cut_into_segments_of_one_second() -> None:
    world = farm()
    job_id = submit(world, "a", frames=70)
    assert [world.row(JOB_SEGMENTS, job_id, idx).frames for idx in range(3)] == [30, 30, 10]
    assert world.row(JOBS, job_id).segments_total == 3


def test_a_job_without_a_node_waits_and_is_planned_once_one_is_there() -> None:
    world = World(DOMAIN)
    job_id = submit(world)
    assert world.row(JOBS, job_id).segments_total == 0
    assert kinds(world.do(PlanJob(job_id=job_id))) == []
    register(world)
    assert kinds(world.do(PlanJob(job_id=job_id))) == ["JobPlanned", "SegmentsPlanned"]
    assert kinds(world.do(PlanJob(job_id=job_id))) == []


def test_submitting_a_job_twice_makes_one_job() -> None:
    world = farm()
    command = SubmitJob(job_id=uuid4(), spec=spec("a"), spec_sha256="s", priority=50)
    assert "JobSubmitted" in kinds(world.do(command))
    assert kinds(world.do(command)) == []


def test_a_job_goes_from_queued_over_rendering_and_assembling_to_completed() -> None:
    world = farm()
    job_id = submit(world)
    assert world.row(JOBS, job_id).state == "queued"
    part = assign(world, job_id)
    assert world.row(JOBS, job_id).state == "rendering"
    assert kinds(report(world, part, part.keys[0])) == ["SegmentVerified", "JobAdvanced"]
    assert kinds(report(world, part, part.keys[1])) == ["SegmentVerified", "JobAdvanced", "JobAssembling"]
    assert world.row(PARTS, part.part_id).state == "done"
    joining = assign(world, job_id, "assemble")
    assert kinds(export(world, joining, 60)) == ["JobCompleted", "PartEnded"]
    job = world.row(JOBS, job_id)
    assert (job.state, job.frames_done, job.assemble_part_id) == ("completed", 60, None)
    assert world.row(EXPORTS, job_id).packets_sha256 == "p"


def test_a_segment_is_accepted_once() -> None:
    world = farm()
    part = assign(world, submit(world))
    report(world, part, part.keys[0])
    assert kinds(report(world, part, part.keys[0])) == []


def test_a_late_report_of_a_node_that_lost_its_lease_is_refused() -> None:
    world = farm()
    job_id = submit(world)
    old = assign(world, job_id)
    world.do(ExpirePart(part_id=old.part_id, reason="silent"))
    new = assign(world, job_id)
    assert new.epoch == old.epoch + 1
    assert refused(report(world, old, old.keys[0])) == "render.stale_lease"
    assert kinds(report(world, new, new.keys[0]))[0] == "SegmentVerified"


def test_a_report_under_another_epoch_or_of_another_node_is_refused() -> None:
    world = farm()
    part = assign(world, submit(world))
    assert refused(report(world, part, part.keys[0], epoch=part.epoch + 1)) == "render.stale_lease"
    assert refused(report(world, part, part.keys[0], node=OTHER)) == "render.foreign_part"


def test_a_report_of_the_wrong_count_of_frames_or_a_foreign_segment_is_refused() -> None:
    world = farm()
    part = assign(world, submit(world))
    assert refused(report(world, part, part.keys[0], frames=29)) == "render.wrong_frames"
    assert refused(report(world, part, "0" * 64)) == "render.foreign_segment"


def test_a_node_cannot_pass_off_another_object_as_its_own() -> None:
    world = farm()
    job_id = submit(world)
    part = assign(world, job_id)
    facts = {"sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0, "frames": 30}
    stolen = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=f"files/{uuid4()}/x", **facts)
    assert refused(world.do(stolen, actor=f"node:{NODE}")) == "render.foreign_object"
    place = segment_place(world.tenant, part.keys[0], part.epoch, part.part_id)
    vague = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=place, **facts | {"sha256": "zz"})
    assert refused(world.do(vague, actor=f"node:{NODE}")) == "render.sha256"


def test_another_tenant_cannot_report_or_cancel() -> None:
    world = farm()
    job_id = submit(world)
    part = assign(world, job_id)
    foreign = uuid4()
    facts = {"object_key": "o", "sha256": "h", "bytes": 1, "difference": 0.0, "seconds": 1.0}
    command = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], frames=30, **facts)
    assert refused(world.do(command, actor=f"node:{NODE}", tenant=foreign)) == "render.foreign_part"
    assert refused(world.do(CancelJob(job_id=job_id), tenant=foreign)) == "job.not_found"


def test_an_equal_scene_is_drawn_once_for_all_jobs_that_wait() -> None:
    world = farm()
    first, second = submit(world, "a", frames=30), submit(world, "a", "b", frames=30)
    part = assign(world, first)
    assert refused(assign(world, second, count=1)) == "render.not_waiting"
    assert kinds(report(world, part, part.keys[0])).count("JobAdvanced") == 2
    assert (world.row(JOBS, first).state, world.row(JOBS, second).segments_done) == ("assembling", 1)


def test_a_job_whose_segments_are_all_there_is_assembled_at_once() -> None:
    world = farm()
    drawn(world, submit(world))
    again = submit(world)
    job = world.row(JOBS, again)
    assert (job.state, job.frames_done) == ("assembling", 60)


def test_changing_one_text_leaves_the_other_scenes_segments() -> None:
    world = farm()
    drawn(world, submit(world, "a", "b"))
    changed = submit(world, "a", "B")
    assert world.row(JOBS, changed).segments_done == 2


def test_a_segment_that_stands_twice_in_a_job_counts_twice() -> None:
    world = farm()
    job_id = submit(world, "a", "a", frames=30)
    part = assign(world, job_id)
    assert len(part.keys) == 1
    assert kinds(report(world, part, part.keys[0])) == ["SegmentVerified", "JobAdvanced", "JobAssembling"]


def test_a_long_job_tells_of_each_percent_and_its_row_counts_each_segment() -> None:
    world = farm()
    job_id = submit(world, frames=30 * 300)
    part = assign(world, job_id, count=300)
    told = []
    for number, key in enumerate(part.keys[:7], 1):
        told += [event.segments_done for event in report(world, part, key) if type(event).__name__ == "JobAdvanced"]
        assert (world.row(JOBS, job_id).segments_done, world.row(JOBS, job_id).frames_done) == (number, 30 * number)
    assert told == [3, 6]


def test_a_segment_that_very_many_jobs_wait_for_advances_all_of_them() -> None:
    world = farm()
    jobs = [submit(world, "a", f"b{number}", frames=30) for number in range(MOST_ADVANCES + 5)]
    part = assign(world, jobs[0], count=1)
    events = report(world, part, part.keys[0])
    assert len(events[0].jobs) == MOST_ADVANCES and kinds(events).count("JobAdvanced") == len(jobs)
    assert {world.row(JOBS, job).segments_done for job in jobs} == {1}


def test_a_log_in_which_a_segment_tells_neither_of_jobs_nor_of_its_parts_end_gives_the_same_rows() -> None:
    world = farm()
    job_id = submit(world, frames=30)
    part = assign(world, job_id)
    facts = {"object_key": "o", "sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0, "degraded": False}
    world.happen(SegmentVerified(key=part.keys[0], part_id=part.part_id, node_id=NODE, epoch=1, frames=30, **facts))
    world.happen(JobAdvanced(job_id=job_id, segments_done=1, frames_done=30))
    world.happen(PartEnded(part_id=part.part_id, kind="render", subject_id=job_id, node_id=NODE, end="done"))
    job, lease = world.row(JOBS, job_id), world.row(PARTS, part.part_id)
    assert (job.segments_done, job.frames_done, lease.state, world.row(SEGMENTS, part.keys[0]).state) == (1, 30, "done", "done")


def test_tenants_do_not_share_segments() -> None:
    world = farm()
    drawn(world, submit(world))
    world.tenant = uuid4()
    assert world.row(JOBS, submit(world)).segments_done == 0


def test_cancelling_ends_the_parts_and_refuses_their_reports() -> None:
    world = farm()
    job_id = submit(world)
    part = assign(world, job_id)
    assert kinds(world.do(CancelJob(job_id=job_id))) == ["JobCancelled", "PartEnded"]
    assert world.row(SEGMENTS, part.keys[0]).state == "ready"
    assert refused(report(world, part, part.keys[0])) == "render.stale_lease"
    assert refused(world.do(CancelJob(job_id=job_id))) == "render.ended"


def test_cancelling_one_of_two_jobs_returns_what_the_other_needs() -> None:
    world = farm()
    first, second = submit(world), submit(world)
    assign(world, first)
    world.do(CancelJob(job_id=first))
    assert len(assign(world, second).keys) == 2


def test_a_refused_value_fails_the_job_with_code_field_and_detail() -> None:
    world = farm()
    job_id = submit(world)
    part = assign(world, job_id)
    events = world.do(
        ReportFailure(part_id=part.part_id, epoch=part.epoch, code="font.no_glyph", detail="no font has U+1F600", field="frl_title"),
        actor=f"node:{NODE}",
    )
    assert kinds(events) == ["PartEnded", "JobFailed"]
    job = world.row(JOBS, job_id)
    assert (job.state, job.code, job.field) == ("failed", "font.no_glyph", "frl_title")


def test_a_node_problem_is_tried_elsewhere() -> None:
    world = farm()
    job_id = submit(world)
    assert kinds(fail(world, assign(world, job_id), "node.upload_failed")) == ["PartEnded"]
    assert world.row(JOBS, job_id).state == "rendering"
    assert len(assign(world, job_id).keys) == 2


@pytest.mark.parametrize(("kind", "attempts"), ENGINE_ATTEMPTS.items())
def test_an_engine_that_keeps_dying_fails_the_job_after_its_attempts(kind: str, attempts: int) -> None:
    world = farm()
    job_id = submit(world)
    for _ in range(attempts):
        assert world.row(JOBS, job_id).state != "failed"
        events = fail(world, assign(world, job_id), f"node.{kind}", kind)
    assert kinds(events) == ["NodeCrashed", "PartEnded", "JobFailed"]
    assert world.row(JOBS, job_id).state == "failed"


def test_an_engine_killed_from_outside_does_not_fail_the_job() -> None:
    world = farm()
    job_id = submit(world)
    for _ in range(5):
        fail(world, assign(world, job_id), "node.engine_killed", "engine_crash")
    assert world.row(JOBS, job_id).state == "rendering"


def test_a_crash_is_kept_under_the_platform_with_its_facts() -> None:
    world = farm()
    part = assign(world, submit(world))
    crash = ReportCrash(
        kind="engine_crash", part_id=part.part_id, epoch=part.epoch, signal=11, last_frame=7, log_tail="x" * 9000, template="b"
    )
    [event] = world.do(crash, actor=f"node:{NODE}")
    row = world.row(CRASHES, event.crash_id, tenant=PLATFORM)
    assert (row.signal, row.last_frame, len(row.log_tail), row.subject_id) == (11, 7, 4096, part.subject_id)
    assert world.row(PARTS, part.part_id).state == "active"


def test_an_export_with_a_frame_missing_is_refused() -> None:
    world = farm()
    job_id = submit(world)
    drawn(world, job_id)
    assert refused(export(world, assign(world, job_id, "assemble"), 59)) == "render.wrong_frames"


def test_an_export_is_assembled_by_one_node_at_a_time() -> None:
    world = farm()
    job_id = submit(world)
    assert refused(assign(world, job_id, "assemble")) == "render.not_waiting"
    drawn(world, job_id)
    part = assign(world, job_id, "assemble")
    assert refused(assign(world, job_id, "assemble")) == "render.not_waiting"
    world.do(ExpirePart(part_id=part.part_id, reason="silent"))
    assert assign(world, job_id, "assemble").epoch == 1


def test_an_export_that_keeps_failing_fails_the_job() -> None:
    world = farm()
    job_id = submit(world)
    drawn(world, job_id)
    for _ in range(3):
        events = fail(world, assign(world, job_id, "assemble"), "node.store_failed")
    assert kinds(events) == ["PartEnded", "JobFailed"]


def test_work_is_not_given_to_a_node_of_an_older_registration() -> None:
    world = farm()
    job_id = submit(world)
    register(world)
    assert refused(assign(world, job_id)) == "render.node_gone"


def test_a_node_with_another_protocol_or_no_slots_is_refused() -> None:
    assert refused(register(World(DOMAIN), protocol=99)) == "node.protocol"
    assert refused(register(World(DOMAIN), slots=0)) == "node.slots"


def test_an_older_protocol_is_for_a_node_that_spoke_it_before_the_farm_was_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(register(World(DOMAIN), protocol=OLDEST)) == "node.protocol"
    with monkeypatch.context() as earlier:
        earlier.setattr(nodes, "PROTOCOL", OLDEST)
        world = World(DOMAIN)
        register(world, protocol=OLDEST)
    assert kinds(register(world, protocol=OLDEST)) == ["NodeRegistered"]
    assert kinds(register(world)) == ["NodeRegistered"]
    assert refused(register(world, protocol=OLDEST)) == "node.protocol"


def test_every_registration_raises_the_nodes_epoch() -> None:
    world = farm()
    assert [event.epoch for event in register(world)] == [2]


def test_a_silent_node_is_lost_once_and_recorded() -> None:
    world = farm()
    lose = LoseNode(node_id=NODE, epoch=1, last_heard=world.now)
    assert kinds(world.do(lose, tenant=PLATFORM)) == ["NodeLost", "NodeCrashed"]
    assert kinds(world.do(lose, tenant=PLATFORM)) == []
    assert world.row(NODES, NODE, tenant=PLATFORM).state == "lost"


def test_a_node_that_leaves_is_gone_until_it_registers_again() -> None:
    world = farm()
    assert kinds(world.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)) == ["NodeLeft"]
    assert kinds(world.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)) == []
    register(world)
    assert world.row(NODES, NODE, tenant=PLATFORM).state == "active"


def inspecting() -> tuple[World, UUID]:
    world, file_id = farm(), uuid4()
    world.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key="k"))
    return world, file_id


def test_a_file_is_inspected_and_remembered_by_its_content() -> None:
    world, file_id = inspecting()
    part = assign(world, file_id, "inspect")
    finding = ReportInspection(part_id=part.part_id, epoch=part.epoch, kind="picture", sha256="s", bytes=9, width=3, height=2)
    assert kinds(world.do(finding, actor=f"node:{NODE}")) == ["InspectionEnded", "PartEnded"]
    assert (world.row(INSPECTIONS, file_id).state, world.row(FILES, "s").object_key) == ("ended", "k")


def found(world: World, kind: str, announced: str = "") -> tuple[InspectionEnded, UUID]:
    """What comes of another file whose bytes are "s"."""
    file_id = uuid4()
    world.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key=f"of {file_id}", sha256=announced))
    part = assign(world, file_id, "inspect")
    report = ReportInspection(part_id=part.part_id, epoch=part.epoch, kind=kind, sha256="s", bytes=9)
    ended, _ = world.do(report, actor=f"node:{NODE}")
    return ended, file_id


@pytest.mark.parametrize(("kind", "announced", "code"), [("picture", "another", "file.sha256"), ("unknown", "", "")])
def test_a_file_that_is_not_kept_never_stands_for_its_bytes(kind: str, announced: str, code: str) -> None:
    world = farm()
    rejected, _ = found(world, kind, announced)
    assert rejected.code == code
    _, good = found(world, "picture", "s")
    assert world.row(FILES, "s").object_key == f"of {good}"
    found(world, "picture")
    assert world.row(FILES, "s").object_key == f"of {good}"


def test_a_file_that_kills_the_engine_is_rejected_after_its_attempts() -> None:
    world, file_id = inspecting()
    for _ in range(SHORT_ATTEMPTS):
        assert world.row(INSPECTIONS, file_id).state == "queued"
        events = fail(world, assign(world, file_id, "inspect"), "node.engine_crash", "engine_crash")
    assert kinds(events) == ["NodeCrashed", "PartEnded", "InspectionEnded"]
    assert world.row(INSPECTIONS, file_id).code == "node.engine_crash"


def test_a_refused_file_is_rejected_at_once_and_never_usable() -> None:
    world, file_id = inspecting()
    fail(world, assign(world, file_id, "inspect"), "bundle.bomb")
    assert world.row(INSPECTIONS, file_id).code == "bundle.bomb"
    assert world.row(FILES, "") is None


def test_an_inspection_is_requested_once() -> None:
    world, file_id = inspecting()
    assert kinds(world.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key="k"))) == []
