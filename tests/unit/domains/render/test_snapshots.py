"""Snapshots at the farm: drawn once for each question, given up with the reason, tried anew when asked again."""

from typing import Any
from uuid import UUID, uuid4

from consumers.render.kinds.short_work import TRIES
from consumers.render.kinds.snapshots import SNAPSHOTS, SPOILT
from consumers.render.leases.object_keys import snapshot_object_key
from consumers.render.nodes.fault_attribution import SET_ASIDE
from contracts.node import ReportFailure, ReportSnapshot
from contracts.render.parts import AssignPart
from contracts.render.snapshots import QueueSnapshot, ReportSpoilt
from contracts.spec import RenderSpec, SceneSpec
from tests.support.domain_harness import DomainHarness, kinds, refused
from tests.unit.domains.render.test_render import NODE, OTHER, SHA, assign, fail, farm, register


def queued() -> tuple[DomainHarness, UUID]:
    harness, snapshot_id = farm(), uuid4()
    assert kinds(harness.do(ask(snapshot_id))) == ["SnapshotQueued"]
    return harness, snapshot_id


def ask(snapshot_id: UUID) -> QueueSnapshot:
    scene = SceneSpec(scene="a", bundle="b", digest="d", frames=60, duration=2.0)
    return QueueSnapshot(snapshot_id=snapshot_id, cache_key=SHA, spec=RenderSpec(scenes=(scene,), width=640, height=360), frame=30)


def picture(harness: DomainHarness, part: Any, node: UUID = NODE, **changed: Any) -> Any:
    place = snapshot_object_key(harness.tenant, part.subject_id, part.epoch, part.part_id)
    facts = {"epoch": part.epoch, "object_key": place, "sha256": SHA, "bytes": 9} | changed
    return harness.do(ReportSnapshot(part_id=part.part_id, **facts), actor=f"node:{node}")


def test_a_picture_is_drawn_once_however_often_it_is_asked_for() -> None:
    harness, snapshot_id = queued()
    assert harness.do(ask(snapshot_id)) == []
    part = assign(harness, snapshot_id, "snapshot")
    assert harness.do(ask(snapshot_id)) == []
    assert refused(harness.do(AssignPart(kind="snapshot", subject_id=snapshot_id, node_id=NODE, node_epoch=1))) == "render.not_waiting"
    assert kinds(picture(harness, part)) == ["SnapshotDrawn", "PartEnded"]
    assert harness.row(SNAPSHOTS, snapshot_id).state == "done"
    assert harness.do(ask(snapshot_id)) == []


def test_only_the_holder_of_the_lease_can_deliver_and_only_to_its_place() -> None:
    harness, snapshot_id = queued()
    part = assign(harness, snapshot_id, "snapshot")
    assert refused(picture(harness, part, node=OTHER)) == "render.foreign_part"
    assert refused(picture(harness, part, epoch=part.epoch - 1)) == "render.stale_lease"
    assert refused(picture(harness, part, object_key="snapshots/elsewhere.png")) == "render.foreign_object"
    assert refused(picture(harness, part, sha256="x")) == "render.sha256"
    assert refused(picture(harness, part, bytes=0)) == "render.out_of_bounds"
    assert kinds(picture(harness, part)) == ["SnapshotDrawn", "PartEnded"]
    assert refused(picture(harness, part)) == "render.stale_lease"


def test_a_scene_that_kills_engines_is_given_up_and_may_be_asked_for_again() -> None:
    harness, snapshot_id = queued()
    for _ in range(TRIES):
        assert harness.row(SNAPSHOTS, snapshot_id).state == "queued"
        events = fail(harness, assign(harness, snapshot_id, "snapshot"), "node.engine_crash", "engine_crash")
    assert kinds(events)[-1] == "SnapshotFailed"
    assert (harness.row(SNAPSHOTS, snapshot_id).state, harness.row(SNAPSHOTS, snapshot_id).code) == ("failed", "node.engine_crash")
    assert kinds(harness.do(ask(snapshot_id))) == ["SnapshotQueued"]
    assert harness.row(SNAPSHOTS, snapshot_id).attempts == 0


def test_a_value_that_cannot_be_drawn_is_told_at_once() -> None:
    harness, snapshot_id = queued()
    assert kinds(fail(harness, assign(harness, snapshot_id, "snapshot"), "font.missing")) == ["PartEnded", "SnapshotFailed"]
    assert harness.row(SNAPSHOTS, snapshot_id).code == "font.missing"


def test_a_template_whose_pictures_end_engines_on_two_nodes_is_set_aside() -> None:
    harness, snapshot_id = queued()
    register(harness, OTHER)
    for node in (NODE, OTHER):
        part = assign(harness, snapshot_id, "snapshot", node)
        died = ReportFailure(
            part_id=part.part_id, epoch=part.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template="b"
        )
        events = harness.do(died, actor=f"node:{node}")
    assert "TemplateSetAside" in kinds(events)
    assert harness.row(SNAPSHOTS, snapshot_id).code == SET_ASIDE
    assert kinds(harness.do(ask(uuid4()))) == ["SnapshotQueued", "SnapshotFailed"]


def test_a_picture_whose_file_is_spoilt_is_shown_to_nobody_and_drawn_when_it_is_asked_for_again() -> None:
    harness, snapshot_id = queued()
    part = assign(harness, snapshot_id, "snapshot")
    picture(harness, part)
    place = harness.row(SNAPSHOTS, snapshot_id).object_key
    assert harness.do(ReportSpoilt(snapshot_id=snapshot_id, object_key="elsewhere", found="x")) == []
    assert kinds(harness.do(ReportSpoilt(snapshot_id=snapshot_id, object_key=place, found="its file is missing"))) == ["SnapshotFailed"]
    row = harness.row(SNAPSHOTS, snapshot_id)
    assert (row.state, row.code) == ("failed", SPOILT) and "its file is missing" in row.detail
    assert harness.do(ReportSpoilt(snapshot_id=snapshot_id, object_key=place, found="x")) == []
    assert kinds(harness.do(ask(snapshot_id))) == ["SnapshotQueued"]
