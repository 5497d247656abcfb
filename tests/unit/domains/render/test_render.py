from datetime import timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import msgspec
import pytest

from consumers.render import DOMAIN
from consumers.render.jobs.tables import EXPORTS, JOB_SEGMENTS, JOBS
from consumers.render.kinds import segments
from consumers.render.kinds.inspections import FILES, INSPECTIONS
from consumers.render.kinds.segments import MOST_ADVANCES
from consumers.render.kinds.short_work import TRIES
from consumers.render.leases.lease import PARTS, SEGMENTS
from consumers.render.leases.object_keys import export_object_key, segment_object_key
from consumers.render.nodes import registration
from consumers.render.nodes.registration import CRASHES, NODES
from contracts.file_mgr.files import FileKind
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
from contracts.render.inspections import InspectionEnded, RequestInspection
from contracts.render.jobs import CancelJob, JobAdvanced, PlanJob, SubmitJob
from contracts.render.nodes import LoseNode
from contracts.render.parts import AssignPart, ExpirePart, PartEnded
from contracts.render.segments import SegmentVerified
from contracts.spec import RenderSpec, SceneSpec
from tests.support.domain_harness import DomainHarness, kinds, refused

NODE, OTHER = uuid4(), uuid4()
SHA = "0" * 64
BUILD = {"engine_build": "thorvg-1", "encoder_build": "x264-1", "version": "0", "platform": "linux"}


def spec(*texts: str, frames: int = 60) -> RenderSpec:
    scenes = tuple(SceneSpec(scene="s", bundle="b", digest="d", frames=frames, duration=frames / 30, texts={"t": text}) for text in texts)
    return RenderSpec(scenes=scenes, width=320, height=180)


def register(harness: DomainHarness, node: UUID = NODE, **change: Any) -> Any:
    command = RegisterNode(**{"protocol": PROTOCOL, "name": "n", "slots": 1, **BUILD, **change})
    return harness.do(command, actor=f"node:{node}", tenant=PLATFORM)


def farm() -> DomainHarness:
    harness = DomainHarness(DOMAIN)
    register(harness)
    return harness


def submit(harness: DomainHarness, *texts: str, frames: int = 60) -> UUID:
    job_id = uuid4()
    harness.do(SubmitJob(job_id=job_id, spec=spec(*(texts or ("a",)), frames=frames), spec_sha256="s", priority=50))
    return job_id


def assign(harness: DomainHarness, job_id: UUID, kind: str = "render", node: UUID = NODE, first: int = 0, count: int = 20) -> Any:
    events = harness.do(AssignPart(kind=kind, subject_id=job_id, node_id=node, node_epoch=1, first=first, count=count))
    return events[0] if isinstance(events, list) else events


def report(harness: DomainHarness, part: Any, key: str, *, frames: int = 30, node: UUID = NODE, epoch: int | None = None) -> Any:
    place = segment_object_key(harness.tenant, key, part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0}
    command = ReportSegment(part_id=part.part_id, epoch=part.epoch if epoch is None else epoch, key=key, frames=frames, **facts)
    return harness.do(command, actor=f"node:{node}")


def fail(harness: DomainHarness, part: Any, code: str, crash: str | None = None, node: UUID = NODE) -> Any:
    return harness.do(ReportFailure(part_id=part.part_id, epoch=part.epoch, code=code, detail="d", crash=crash), actor=f"node:{node}")


def export(harness: DomainHarness, part: Any, frames: int) -> Any:
    place = export_object_key(harness.tenant, part.subject_id, part.epoch, part.part_id)
    facts = {"object_key": place, "sha256": SHA, "bytes": 9, "duration": frames / 30, "packets_sha256": "p"}
    return harness.do(ReportExport(part_id=part.part_id, epoch=part.epoch, frames=frames, **facts), actor=f"node:{NODE}")


def drawn(harness: DomainHarness, job_id: UUID) -> Any:
    part = assign(harness, job_id)
    for key in part.keys:
        report(harness, part, key)
    return part


def test_a_job_is_cut_into_segments_of_one_second() -> None:
    harness = farm()
    job_id = submit(harness, "a", frames=70)
    assert [harness.row(JOB_SEGMENTS, job_id, idx).frames for idx in range(3)] == [30, 30, 10]
    assert harness.row(JOBS, job_id).segments_total == 3


def test_a_job_without_a_node_waits_and_is_planned_once_one_is_there() -> None:
    harness = DomainHarness(DOMAIN)
    job_id = submit(harness)
    assert harness.row(JOBS, job_id).segments_total == 0
    assert kinds(harness.do(PlanJob(job_id=job_id))) == []
    register(harness)
    assert kinds(harness.do(PlanJob(job_id=job_id))) == ["JobPlanned", "SegmentsPlanned"]
    assert kinds(harness.do(PlanJob(job_id=job_id))) == []


def test_a_job_whose_builds_are_gone_for_good_is_planned_anew_with_those_that_are_there() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    report(harness, part, part.keys[0])
    again = PlanJob(job_id=job_id)
    assert kinds(harness.do(again)) == [], "a node has its builds"
    register(harness, OTHER, engine_build="thorvg-2")
    harness.do(LoseNode(node_id=NODE, epoch=1, last_heard=harness.now), tenant=PLATFORM)
    assert kinds(harness.do(again)) == [], "its node may come back"
    harness.now += timedelta(minutes=11)
    assert kinds(harness.do(again)) == ["PartEnded", "JobPlanned", "SegmentsPlanned"]
    job = harness.row(JOBS, job_id)
    assert (job.state, job.engine_build, job.segments_done, job.frames_done) == ("rendering", "thorvg-2", 0, 0)
    assert harness.row(JOB_SEGMENTS, job_id, 0).segment_key not in part.keys
    assert harness.row(JOB_SEGMENTS, job_id, 0).version == 2
    refused(report(harness, part, part.keys[1]))
    other = assign(harness, job_id, node=OTHER)
    for key in other.keys:
        report(harness, other, key, node=OTHER)
    assert harness.row(JOBS, job_id).state == "assembling"
    assert kinds(harness.do(again)) == []


def test_a_node_that_comes_back_with_other_builds_has_the_job_planned_at_once() -> None:
    harness = farm()
    job_id = submit(harness)
    register(harness, encoder_build="x264-2")
    assert kinds(harness.do(PlanJob(job_id=job_id))) == ["JobPlanned", "SegmentsPlanned"]
    assert harness.row(JOBS, job_id).encoder_build == "x264-2"


def test_submitting_a_job_twice_makes_one_job() -> None:
    harness = farm()
    command = SubmitJob(job_id=uuid4(), spec=spec("a"), spec_sha256="s", priority=50)
    assert "JobSubmitted" in kinds(harness.do(command))
    assert kinds(harness.do(command)) == []


def test_a_job_goes_from_queued_over_rendering_and_assembling_to_completed() -> None:
    harness = farm()
    job_id = submit(harness)
    assert harness.row(JOBS, job_id).state == "queued"
    part = assign(harness, job_id)
    assert harness.row(JOBS, job_id).state == "rendering"
    assert kinds(report(harness, part, part.keys[0])) == ["SegmentVerified", "JobAdvanced"]
    assert kinds(report(harness, part, part.keys[1])) == ["SegmentVerified", "JobAdvanced", "JobAssembling"]
    assert harness.row(PARTS, part.part_id).state == "done"
    joining = assign(harness, job_id, "assemble")
    assert kinds(export(harness, joining, 60)) == ["JobCompleted", "PartEnded"]
    job = harness.row(JOBS, job_id)
    assert (job.state, job.frames_done, job.assemble_part_id) == ("completed", 60, None)
    assert harness.row(EXPORTS, job_id).packets_sha256 == "p"


def test_a_segment_is_accepted_once() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    report(harness, part, part.keys[0])
    assert kinds(report(harness, part, part.keys[0])) == []


def test_a_late_report_of_a_node_that_lost_its_lease_is_refused() -> None:
    harness = farm()
    job_id = submit(harness)
    old = assign(harness, job_id)
    harness.do(ExpirePart(part_id=old.part_id, reason="silent"))
    new = assign(harness, job_id)
    assert new.epoch == old.epoch + 1
    assert refused(report(harness, old, old.keys[0])) == "render.stale_lease"
    assert kinds(report(harness, new, new.keys[0]))[0] == "SegmentVerified"


def test_a_report_under_another_epoch_or_of_another_node_is_refused() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    assert refused(report(harness, part, part.keys[0], epoch=part.epoch + 1)) == "render.stale_lease"
    assert refused(report(harness, part, part.keys[0], node=OTHER)) == "render.foreign_part"


def test_a_report_of_the_wrong_count_of_frames_or_a_foreign_segment_is_refused() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    assert refused(report(harness, part, part.keys[0], frames=29)) == "render.wrong_frames"
    assert refused(report(harness, part, "0" * 64)) == "render.foreign_segment"


def test_a_node_cannot_pass_off_another_object_as_its_own() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    facts = {"sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0, "frames": 30}
    stolen = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=f"files/{uuid4()}/x", **facts)
    assert refused(harness.do(stolen, actor=f"node:{NODE}")) == "render.foreign_object"
    place = segment_object_key(harness.tenant, part.keys[0], part.epoch, part.part_id)
    vague = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], object_key=place, **facts | {"sha256": "zz"})
    assert refused(harness.do(vague, actor=f"node:{NODE}")) == "render.sha256"


def test_another_tenant_cannot_report_or_cancel() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    foreign = uuid4()
    facts = {"object_key": "o", "sha256": "h", "bytes": 1, "difference": 0.0, "seconds": 1.0}
    command = ReportSegment(part_id=part.part_id, epoch=part.epoch, key=part.keys[0], frames=30, **facts)
    assert refused(harness.do(command, actor=f"node:{NODE}", tenant=foreign)) == "render.foreign_part"
    assert refused(harness.do(CancelJob(job_id=job_id), tenant=foreign)) == "job.not_found"


def test_an_equal_scene_is_drawn_once_for_all_jobs_that_wait() -> None:
    harness = farm()
    first, second = submit(harness, "a", frames=30), submit(harness, "a", "b", frames=30)
    part = assign(harness, first)
    assert refused(assign(harness, second, count=1)) == "render.not_waiting"
    assert kinds(report(harness, part, part.keys[0])).count("JobAdvanced") == 2
    assert (harness.row(JOBS, first).state, harness.row(JOBS, second).segments_done) == ("assembling", 1)


def test_a_job_whose_segments_are_all_there_is_assembled_at_once() -> None:
    harness = farm()
    drawn(harness, submit(harness))
    again = submit(harness)
    job = harness.row(JOBS, again)
    assert (job.state, job.frames_done) == ("assembling", 60)


def test_changing_one_text_leaves_the_other_scenes_segments() -> None:
    harness = farm()
    drawn(harness, submit(harness, "a", "b"))
    changed = submit(harness, "a", "B")
    assert harness.row(JOBS, changed).segments_done == 2


def test_a_segment_that_stands_twice_in_a_job_counts_twice() -> None:
    harness = farm()
    job_id = submit(harness, "a", "a", frames=30)
    part = assign(harness, job_id)
    assert len(part.keys) == 1
    assert kinds(report(harness, part, part.keys[0])) == ["SegmentVerified", "JobAdvanced", "JobAssembling"]


def test_a_long_job_tells_of_each_percent_and_its_row_counts_each_segment() -> None:
    harness = farm()
    job_id = submit(harness, frames=30 * 300)
    part = assign(harness, job_id, count=300)
    told = []
    for number, key in enumerate(part.keys[:7], 1):
        told += [event.segments_done for event in report(harness, part, key) if type(event).__name__ == "JobAdvanced"]
        assert (harness.row(JOBS, job_id).segments_done, harness.row(JOBS, job_id).frames_done) == (number, 30 * number)
    assert told == [3, 6]


def test_a_segment_that_very_many_jobs_wait_for_advances_all_of_them() -> None:
    harness = farm()
    jobs = [submit(harness, "a", f"b{number}", frames=30) for number in range(MOST_ADVANCES + 5)]
    part = assign(harness, jobs[0], count=1)
    events = report(harness, part, part.keys[0])
    assert len(events[0].jobs) == MOST_ADVANCES and kinds(events).count("JobAdvanced") == len(jobs)
    assert {harness.row(JOBS, job).segments_done for job in jobs} == {1}


def test_a_log_in_which_a_segment_tells_neither_of_jobs_nor_of_its_parts_end_gives_the_same_rows() -> None:
    harness = farm()
    job_id = submit(harness, frames=30)
    part = assign(harness, job_id)
    facts = {"object_key": "o", "sha256": SHA, "bytes": 1, "difference": 0.0, "seconds": 1.0, "degraded": False}
    harness.happen(SegmentVerified(key=part.keys[0], part_id=part.part_id, node_id=NODE, epoch=1, frames=30, **facts))
    harness.happen(JobAdvanced(job_id=job_id, segments_done=1, frames_done=30))
    harness.happen(PartEnded(part_id=part.part_id, kind="render", subject_id=job_id, node_id=NODE, end="done"))
    job, lease = harness.row(JOBS, job_id), harness.row(PARTS, part.part_id)
    assert (job.segments_done, job.frames_done, lease.state, harness.row(SEGMENTS, part.keys[0]).state) == (1, 30, "done", "done")


def test_tenants_do_not_share_segments() -> None:
    harness = farm()
    drawn(harness, submit(harness))
    harness.tenant = uuid4()
    assert harness.row(JOBS, submit(harness)).segments_done == 0


def test_cancelling_ends_the_parts_and_refuses_their_reports() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    assert kinds(harness.do(CancelJob(job_id=job_id))) == ["JobCancelled", "PartEnded"]
    assert harness.row(SEGMENTS, part.keys[0]).state == "ready"
    assert refused(report(harness, part, part.keys[0])) == "render.stale_lease"
    assert refused(harness.do(CancelJob(job_id=job_id))) == "render.ended"


def test_cancelling_one_of_two_jobs_returns_what_the_other_needs() -> None:
    harness = farm()
    first, second = submit(harness), submit(harness)
    assign(harness, first)
    harness.do(CancelJob(job_id=first))
    assert len(assign(harness, second).keys) == 2


def test_a_refused_value_fails_the_job_with_code_field_and_detail() -> None:
    harness = farm()
    job_id = submit(harness)
    part = assign(harness, job_id)
    events = harness.do(
        ReportFailure(part_id=part.part_id, epoch=part.epoch, code="font.no_glyph", detail="no font has U+1F600", field="frl_title"),
        actor=f"node:{NODE}",
    )
    assert kinds(events) == ["PartEnded", "JobFailed"]
    job = harness.row(JOBS, job_id)
    assert (job.state, job.code, job.field) == ("failed", "font.no_glyph", "frl_title")


def test_a_node_problem_is_tried_elsewhere() -> None:
    harness = farm()
    job_id = submit(harness)
    assert kinds(fail(harness, assign(harness, job_id), "node.upload_failed")) == ["PartEnded"]
    assert harness.row(JOBS, job_id).state == "rendering"
    assert len(assign(harness, job_id).keys) == 2


@pytest.mark.parametrize(("kind", "attempts"), segments.KIND.tries_after.items())
def test_an_engine_that_keeps_dying_fails_the_job_after_its_attempts(kind: str, attempts: int) -> None:
    harness = farm()
    job_id = submit(harness)
    for _ in range(attempts):
        assert harness.row(JOBS, job_id).state != "failed"
        events = fail(harness, assign(harness, job_id), f"node.{kind}", kind)
    assert kinds(events) == ["NodeCrashed", "PartEnded", "JobFailed"]
    assert harness.row(JOBS, job_id).state == "failed"


def test_an_engine_killed_from_outside_does_not_fail_the_job() -> None:
    harness = farm()
    job_id = submit(harness)
    for _ in range(5):
        fail(harness, assign(harness, job_id), "node.engine_killed", "engine_crash")
    assert harness.row(JOBS, job_id).state == "rendering"


def test_a_crash_is_kept_under_the_platform_with_its_facts() -> None:
    harness = farm()
    part = assign(harness, submit(harness))
    crash = ReportCrash(
        kind="engine_crash", part_id=part.part_id, epoch=part.epoch, signal=11, last_frame=7, log_tail="x" * 9000, template="b"
    )
    [event] = harness.do(crash, actor=f"node:{NODE}")
    row = harness.row(CRASHES, event.crash_id, tenant=PLATFORM)
    assert (row.signal, row.last_frame, len(row.log_tail), row.subject_id) == (11, 7, 4096, part.subject_id)
    assert harness.row(PARTS, part.part_id).state == "active"


def test_an_export_with_a_frame_missing_is_refused() -> None:
    harness = farm()
    job_id = submit(harness)
    drawn(harness, job_id)
    assert refused(export(harness, assign(harness, job_id, "assemble"), 59)) == "render.wrong_frames"


def test_an_export_is_assembled_by_one_node_at_a_time() -> None:
    harness = farm()
    job_id = submit(harness)
    assert refused(assign(harness, job_id, "assemble")) == "render.not_waiting"
    drawn(harness, job_id)
    part = assign(harness, job_id, "assemble")
    assert refused(assign(harness, job_id, "assemble")) == "render.not_waiting"
    harness.do(ExpirePart(part_id=part.part_id, reason="silent"))
    assert assign(harness, job_id, "assemble").epoch == 1


def test_an_export_that_keeps_failing_fails_the_job() -> None:
    harness = farm()
    job_id = submit(harness)
    drawn(harness, job_id)
    for _ in range(3):
        events = fail(harness, assign(harness, job_id, "assemble"), "node.store_failed")
    assert kinds(events) == ["PartEnded", "JobFailed"]


def test_work_is_not_given_to_a_node_of_an_older_registration() -> None:
    harness = farm()
    job_id = submit(harness)
    register(harness)
    assert refused(assign(harness, job_id)) == "render.node_gone"


def test_a_node_with_another_protocol_or_no_slots_is_refused() -> None:
    assert refused(register(DomainHarness(DOMAIN), protocol=99)) == "node.protocol"
    assert refused(register(DomainHarness(DOMAIN), slots=0)) == "node.slots"


def test_an_older_protocol_is_for_a_node_that_spoke_it_before_the_farm_was_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(register(DomainHarness(DOMAIN), protocol=OLDEST)) == "node.protocol"
    with monkeypatch.context() as earlier:
        earlier.setattr(registration, "PROTOCOL", OLDEST)
        harness = DomainHarness(DOMAIN)
        register(harness, protocol=OLDEST)
    assert kinds(register(harness, protocol=OLDEST)) == ["NodeRegistered"]
    assert kinds(register(harness)) == ["NodeRegistered"]
    assert refused(register(harness, protocol=OLDEST)) == "node.protocol"


def test_every_registration_raises_the_nodes_epoch() -> None:
    harness = farm()
    assert [event.epoch for event in register(harness)] == [2]


def test_a_silent_node_is_lost_once_and_recorded() -> None:
    harness = farm()
    lose = LoseNode(node_id=NODE, epoch=1, last_heard=harness.now)
    assert kinds(harness.do(lose, tenant=PLATFORM)) == ["NodeLost", "NodeCrashed"]
    assert kinds(harness.do(lose, tenant=PLATFORM)) == []
    assert harness.row(NODES, NODE, tenant=PLATFORM).state == "lost"


def test_a_node_that_leaves_is_gone_until_it_registers_again() -> None:
    harness = farm()
    assert kinds(harness.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)) == ["NodeLeft"]
    assert kinds(harness.do(LeaveNode(), actor=f"node:{NODE}", tenant=PLATFORM)) == []
    register(harness)
    assert harness.row(NODES, NODE, tenant=PLATFORM).state == "active"


def inspecting() -> tuple[DomainHarness, UUID]:
    harness, file_id = farm(), uuid4()
    harness.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key="k"))
    return harness, file_id


def test_a_file_is_inspected_and_remembered_by_its_content() -> None:
    harness, file_id = inspecting()
    part = assign(harness, file_id, "inspect")
    finding = ReportInspection(part_id=part.part_id, epoch=part.epoch, kind="picture", sha256="s", bytes=9, width=3, height=2)
    assert kinds(harness.do(finding, actor=f"node:{NODE}")) == ["InspectionEnded", "PartEnded"]
    assert (harness.row(INSPECTIONS, file_id).state, harness.row(FILES, "s").object_key) == ("ended", "k")


def found(harness: DomainHarness, kind: str, announced: str = "") -> tuple[InspectionEnded, UUID]:
    """What comes of another file whose bytes are "s"."""
    file_id = uuid4()
    harness.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key=f"of {file_id}", sha256=announced))
    part = assign(harness, file_id, "inspect")
    report = ReportInspection(part_id=part.part_id, epoch=part.epoch, kind=kind, sha256="s", bytes=9)
    ended, _ = harness.do(report, actor=f"node:{NODE}")
    return ended, file_id


@pytest.mark.parametrize(
    ("kind", "announced", "code"), [("picture", "another", "file.sha256"), ("unknown", "", ""), ("hologram", "", "file.unknown_kind")]
)
def test_a_file_that_is_not_kept_never_stands_for_its_bytes(kind: str, announced: str, code: str) -> None:
    harness = farm()
    rejected, _ = found(harness, kind, announced)
    assert rejected.code == code and rejected.kind in get_args(FileKind)
    _, good = found(harness, "picture", "s")
    assert harness.row(FILES, "s").object_key == f"of {good}"
    found(harness, "picture")
    assert harness.row(FILES, "s").object_key == f"of {good}"


def test_whatever_a_node_told_an_earlier_release_of_a_file_can_be_read() -> None:
    harness = farm()
    ended, _ = found(harness, "picture")
    told = msgspec.structs.replace(ended, kind="hologram", sha256="h")
    harness.happen(told)
    row = harness.row(FILES, "h")
    assert FILES.decoder.decode(msgspec.json.encode([row])) == [row] and row.kind == "hologram"


def test_a_file_that_kills_the_engine_is_rejected_after_its_attempts() -> None:
    harness, file_id = inspecting()
    for _ in range(TRIES):
        assert harness.row(INSPECTIONS, file_id).state == "queued"
        events = fail(harness, assign(harness, file_id, "inspect"), "node.engine_crash", "engine_crash")
    assert kinds(events) == ["NodeCrashed", "PartEnded", "InspectionEnded"]
    assert harness.row(INSPECTIONS, file_id).code == "node.engine_crash"


def test_a_refused_file_is_rejected_at_once_and_never_usable() -> None:
    harness, file_id = inspecting()
    fail(harness, assign(harness, file_id, "inspect"), "bundle.bomb")
    assert harness.row(INSPECTIONS, file_id).code == "bundle.bomb"
    assert harness.row(FILES, "") is None


def test_an_inspection_is_requested_once() -> None:
    harness, file_id = inspecting()
    assert kinds(harness.do(RequestInspection(file_id=file_id, name="a", bytes=9, object_key="k"))) == []
