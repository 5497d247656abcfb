"""Snapshots at the farm: drawn once for each question, given up with the reason, tried anew when asked again."""

from typing import Any
from uuid import UUID, uuid4

from consumers.render.kinds.short_work import TRIES
from consumers.render.kinds.snapshots import SPOILT
from consumers.render.leases.object_keys import snapshot_object_key
from consumers.render.nodes.fault_attribution import SET_ASIDE
from consumers.render.rows.snapshots import SNAPSHOTS
from contracts.node import ReportFailure, ReportSnapshot
from contracts.render import AssignPart
from contracts.snapshot import QueueSnapshot, ReportSpoilt
from contracts.spec import RenderSpec, SceneSpec
from tests.unit.domains.render.test_render import NODE, OTHER, SHA, assign, fail, farm, register
from tests.unit.domains.world import World, kinds, refused


def queued() -> tuple[World, UUID]:
    world, snapshot_id = farm(), uuid4()
    assert kinds(world.do(ask(snapshot_id))) == ["SnapshotQueued"]
    return world, snapshot_id


def ask(snapshot_id: UUID) -> QueueSnapshot:
    scene = SceneSpec(scene="a", bundle="b", digest="d", frames=60, duration=2.0)
    return QueueSnapshot(snapshot_id=snapshot_id, cache_key=SHA, spec=RenderSpec(scenes=(scene,), width=640, height=360), frame=30)


def picture(world: World, part: Any, node: UUID = NODE, **changed: Any) -> Any:
    place = snapshot_object_key(world.tenant, part.subject_id, part.epoch, part.part_id)
    facts = {"epoch": part.epoch, "object_key": place, "sha256": SHA, "bytes": 9} | changed
    return world.do(ReportSnapshot(part_id=part.part_id, **facts), actor=f"node:{node}")


def test_a_picture_is_drawn_once_however_often_it_is_asked_for() -> None:
    world, snapshot_id = queued()
    assert world.do(ask(snapshot_id)) == []
    part = assign(world, snapshot_id, "snapshot")
    assert world.do(ask(snapshot_id)) == []
    assert refused(world.do(AssignPart(kind="snapshot", subject_id=snapshot_id, node_id=NODE, node_epoch=1))) == "render.not_waiting"
    assert kinds(picture(world, part)) == ["SnapshotDrawn", "PartEnded"]
    assert world.row(SNAPSHOTS, snapshot_id).state == "done"
    assert world.do(ask(snapshot_id)) == []


def test_only_the_holder_of_the_lease_can_deliver_and_only_to_its_place() -> None:
    world, snapshot_id = queued()
    part = assign(world, snapshot_id, "snapshot")
    assert refused(picture(world, part, node=OTHER)) == "render.foreign_part"
    assert refused(picture(world, part, epoch=part.epoch - 1)) == "render.stale_lease"
    assert refused(picture(world, part, object_key="snapshots/elsewhere.png")) == "render.foreign_object"
    assert refused(picture(world, part, sha256="x")) == "render.sha256"
    assert refused(picture(world, part, bytes=0)) == "render.out_of_bounds"
    assert kinds(picture(world, part)) == ["SnapshotDrawn", "PartEnded"]
    assert refused(picture(world, part)) == "render.stale_lease"


def test_a_scene_that_kills_engines_is_given_up_and_may_be_asked_for_again() -> None:
    world, snapshot_id = queued()
    for _ in range(TRIES):
        assert world.row(SNAPSHOTS, snapshot_id).state == "queued"
        events = fail(world, assign(world, snapshot_id, "snapshot"), "node.engine_crash", "engine_crash")
    assert kinds(events)[-1] == "SnapshotFailed"
    assert (world.row(SNAPSHOTS, snapshot_id).state, world.row(SNAPSHOTS, snapshot_id).code) == ("failed", "node.engine_crash")
    assert kinds(world.do(ask(snapshot_id))) == ["SnapshotQueued"]
    assert world.row(SNAPSHOTS, snapshot_id).attempts == 0


def test_a_value_that_cannot_be_drawn_is_told_at_once() -> None:
    world, snapshot_id = queued()
    assert kinds(fail(world, assign(world, snapshot_id, "snapshot"), "font.missing")) == ["PartEnded", "SnapshotFailed"]
    assert world.row(SNAPSHOTS, snapshot_id).code == "font.missing"


def test_a_template_whose_pictures_end_engines_on_two_nodes_is_set_aside() -> None:
    world, snapshot_id = queued()
    register(world, OTHER)
    for node in (NODE, OTHER):
        part = assign(world, snapshot_id, "snapshot", node)
        died = ReportFailure(
            part_id=part.part_id, epoch=part.epoch, code="node.engine_crash", detail="d", crash="engine_crash", template="b"
        )
        events = world.do(died, actor=f"node:{node}")
    assert "TemplateSetAside" in kinds(events)
    assert world.row(SNAPSHOTS, snapshot_id).code == SET_ASIDE
    assert kinds(world.do(ask(uuid4()))) == ["SnapshotQueued", "SnapshotFailed"]


def test_a_picture_whose_file_is_spoilt_is_shown_to_nobody_and_drawn_when_it_is_asked_for_again() -> None:
    world, snapshot_id = queued()
    part = assign(world, snapshot_id, "snapshot")
    picture(world, part)
    place = world.row(SNAPSHOTS, snapshot_id).object_key
    assert world.do(ReportSpoilt(snapshot_id=snapshot_id, object_key="elsewhere", found="x")) == []
    assert kinds(world.do(ReportSpoilt(snapshot_id=snapshot_id, object_key=place, found="its file is missing"))) == ["SnapshotFailed"]
    row = world.row(SNAPSHOTS, snapshot_id)
    assert (row.state, row.code) == ("failed", SPOILT) and "its file is missing" in row.detail
    assert world.do(ReportSpoilt(snapshot_id=snapshot_id, object_key=place, found="x")) == []
    assert kinds(world.do(ask(snapshot_id))) == ["SnapshotQueued"]
