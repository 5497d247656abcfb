"""A real node against a real nats-server and an object server: it registers, draws, uploads, reports, and takes every misfortune."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
import psutil
import pytest
import pytest_asyncio

from contracts.message import PLATFORM
from contracts.node import (
    CancelPart,
    Heartbeat,
    LeaveNode,
    Manifest,
    PartTick,
    RegisterAgain,
    RegisterNode,
    ReportCrash,
    ReportExport,
    ReportFailure,
    ReportInspection,
    ReportRefused,
    ReportSegment,
    StoredSegment,
)
from node_worker.daemon import live
from node_worker.node import Node, Tuning
from node_worker.parts import inspection
from node_worker.spool import Spool
from tests.unit.node.farm_servers import ENGINE, TENANT, FarmServers
from tests.unit.node.striped import HOLD, seeing

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]


STRIPED = Tuning(engine=ENGINE)


@pytest_asyncio.fixture
async def farm(tmp_path):
    one = FarmServers(tmp_path)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
def hold(tmp_path, monkeypatch):
    """While this file is there, a scene named "held" all but stops once its first segment is reported: the next takes five seconds."""
    folder = tmp_path / "holds"
    folder.mkdir()
    path = folder / "hold"
    path.touch()
    monkeypatch.setattr(sys.modules[__name__], "STRIPED", Tuning(engine=ENGINE, **seeing(HOLD, path)))
    return path


@asynccontextmanager
async def running(farm, tuning=None, **settings) -> AsyncIterator[Node]:
    """A node that has registered; stopped at once in the end."""
    node = Node(farm.settings(**settings), tuning or STRIPED)
    life = asyncio.create_task(live(node))
    try:
        await farm.until(RegisterNode)
        while not node.registered:  # the farm may hear of it before the node hears that the broker has it
            await asyncio.sleep(0.01)
        yield node
    finally:
        node.ask_to_stop()
        await asyncio.wait_for(life, 30)


async def until_reported(farm, work, count=1):
    """Wait for so many segments of this work, in this epoch."""
    mine = (work.part_id, work.epoch)
    while sum((segment.part_id, segment.epoch) == mine for segment in farm.of(ReportSegment)) < count:
        await asyncio.sleep(0.01)


async def until_delivered(node):
    """Wait until the broker has acknowledged every report."""
    while node.reporter.waiting:
        await asyncio.sleep(0.01)


async def test_a_node_registers_draws_uploads_and_reports(farm):
    async with running(farm):
        work = farm.drawing("good", "good", frames=25)
        sent = await farm.send(work)
        segments = await farm.until(ReportSegment, 6)
    await farm.until(LeaveNode)
    registered = farm.of(RegisterNode)[0]
    assert (registered.name, registered.slots, registered.engine_build) == ("north", 1, "striped 1")
    assert sorted(segment.frames for segment in segments) == [5, 5, 10, 10, 10, 10]
    for segment in segments:
        assert hashlib.sha256(farm.store.objects[segment.object_key]).hexdigest() == segment.sha256
        assert (segment.part_id, segment.epoch, segment.degraded) == (work.part_id, 1, False)
    told = [segment.warnings for segment in segments if segment.warnings]
    assert [[(one.code, one.scene) for one in warnings] for warnings in told] == [[("font.missing", "good")]] * 2, "once for each scene"
    about = [envelope for envelope, report in farm.reports if isinstance(report, ReportSegment)]
    assert {(one.tenant, one.causation, one.actor) for one in about} == {(TENANT, sent.id, f"node:{farm.node_id}")}
    assert {subject.split(".")[1] for subject in farm.subjects} == {str(farm.node_id)}
    ticks = [tick for tick in farm.ticks if isinstance(tick, PartTick)]
    assert (ticks[-1].frames, ticks[-1].frame, ticks[-1].node_name) == (50, 49, "north")
    assert farm.reports[0][0].tenant == PLATFORM
    assert len(farm.of(LeaveNode)) == 1


async def test_an_unknown_farm_protocol_is_answered(farm):
    async with running(farm):
        work = farm.drawing("good", protocol=99)
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.code, failure.part_id, failure.crash) == ("node.protocol", work.part_id, None)


async def test_work_of_a_shape_that_cannot_be_read_is_answered_when_it_names_its_part(farm):
    async with running(farm):
        work = farm.drawing("good")
        subject = f"work.{farm.node_id}.node.part.draw.v1"
        envelope = await farm.send(farm.drawing("good"))
        body = msgspec.json.encode({"part_id": work.part_id, "epoch": 3, "kind": "dream", "protocol": 9})
        await farm.nc.publish(subject, body, headers=envelope.headers())
        await farm.nc.publish(subject, b"{not json", headers=envelope.headers())
        await farm.nc.publish(subject, body)
        failure = (await farm.until(ReportFailure))[0]
        await farm.until(ReportSegment, 2)
    assert (failure.code, failure.part_id, failure.epoch) == ("node.protocol", work.part_id, 3)
    assert len(farm.of(ReportFailure)) == 1


async def test_a_second_crash_fails_the_part_with_its_facts_and_keeps_what_was_drawn(farm):
    async with running(farm):
        work = farm.drawing("good", "crash_always", frames=10)
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment, 2)
    assert (failure.code, failure.crash, failure.signal, failure.part_id) == ("node.engine_crash", "engine_crash", 11, work.part_id)
    assert failure.last_frame >= 5
    assert "dying on purpose" in failure.log_tail
    crash = farm.of(ReportCrash)[0]
    assert (len(farm.of(ReportCrash)), crash.kind, crash.signal) == (1, "engine_crash", 11)
    assert crash.template == hashlib.sha256(b"a template").hexdigest()
    kinds = [type(report) for _, report in farm.reports]
    assert kinds.index(ReportSegment) < kinds.index(ReportFailure)


async def test_a_hanging_engine_is_killed_and_its_scene_tried_once_more(farm):
    async with running(farm, Tuning(engine=ENGINE, stall_seconds=2.0)):
        await farm.send(farm.drawing("hang", frames=10))
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.crash, farm.of(ReportCrash)[0].kind) == ("engine_hang", "engine_hang")


async def test_an_engine_killed_from_outside_does_not_degrade_the_video(farm, hold):
    async with running(farm) as node:
        await farm.send(farm.drawing("held", frames=40))
        await farm.until(ReportSegment)
        psutil.Process(node.slots.engines[0].pid).kill()
        hold.unlink()
        segments = await farm.until(ReportSegment, 4)
    assert [segment.degraded for segment in segments] == [False] * 4
    assert len({segment.key for segment in segments}) == 4
    assert farm.of(ReportCrash)[0].signal == 9


async def test_a_refused_template_fails_the_part_without_a_crash(farm):
    async with running(farm):
        await farm.send(farm.drawing("refused"))
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.code, failure.field, failure.crash) == ("template.broken", "scenes[0]", None)


async def test_the_same_work_twice_is_done_once(farm):
    async with running(farm):
        work = farm.drawing("slow", frames=20)
        await farm.send(work)
        await farm.send(work)
        await farm.until(ReportSegment, 2)
        await farm.send(work)
        await farm.send(other := farm.drawing("good", frames=10))
        await until_reported(farm, other)
    assert [segment.part_id for segment in farm.of(ReportSegment)] == [work.part_id, work.part_id, other.part_id]


async def test_a_newer_epoch_replaces_the_older_work(farm, hold):
    async with running(farm):
        work = farm.drawing("held", frames=60)
        await farm.send(work)
        await farm.until(ReportSegment)
        newer = farm.drawing("good", frames=20, part_id=work.part_id, epoch=2)
        await farm.send(newer)
        await until_reported(farm, newer, 2)
    assert [segment.epoch for segment in farm.of(ReportSegment)] == [1, 2, 2]


async def test_a_cancelled_part_is_dropped_and_the_next_one_drawn(farm, hold):
    async with running(farm) as node:
        work = farm.drawing("held", frames=200)
        await farm.send(work)
        await farm.until(ReportSegment)
        pid = node.slots.engines[0].pid
        await farm.send(CancelPart(part_id=work.part_id))
        other = farm.drawing("good", frames=10)
        await farm.send(other)
        await until_reported(farm, other)
        assert not psutil.pid_exists(pid)
        while node.runner.parts:  # a part is reported a moment before it has ended
            await asyncio.sleep(0.01)
        assert list((node.folder.work / "parts").iterdir()) == []
    assert [segment.part_id for segment in farm.of(ReportSegment)] == [work.part_id, other.part_id]
    assert farm.of(ReportFailure) == []


async def test_reports_made_while_the_broker_is_away_are_delivered_in_order(farm, hold):
    async with running(farm) as node:
        work = farm.drawing("held", frames=60)
        await farm.send(work)
        await farm.until(ReportSegment)
        await until_delivered(node)  # a report whose acknowledgement is lost comes twice
        await farm.stop_broker()
        while node.link.connected:
            await asyncio.sleep(0.01)
        hold.unlink()
        while node.runner.parts:
            await asyncio.sleep(0.02)
        spooled = [waiting.report for waiting in Spool(node.folder.spool).load()]
        assert len(spooled) == node.reporter.waiting > 0
        await farm.start_broker()
        segments = await farm.until(ReportSegment, 6)
        await until_delivered(node)
        assert list(node.folder.spool.glob("*.json")) == []
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment, 7)
    # Three uploads run side by side, so the order is that in which they ended, which the spool keeps.
    assert segments[1:] == [report for report in spooled if isinstance(report, ReportSegment)]
    assert len(farm.of(ReportSegment)) == 7


async def test_a_node_that_is_asked_to_registers_again_without_its_parts(farm, hold):
    async with running(farm) as node:
        node._registered_at -= 100
        await farm.send(farm.drawing("held", frames=200))
        await farm.until(ReportSegment)
        await farm.send(RegisterAgain(reason="the farm does not know you"))
        await farm.send(RegisterAgain(reason="the farm does not know you"))
        await farm.until(RegisterNode, 2)
        assert node.runner.parts == ()
        await farm.send(other := farm.drawing("good", frames=10))
        await until_reported(farm, other)
    assert len(farm.of(RegisterNode)) == 2


async def test_a_node_that_hears_why_a_report_was_refused_logs_it_and_works_on(farm, caplog):
    async with running(farm):
        await farm.send(
            ReportRefused(report=uuid4(), report_type="report.render.segment.report.v1", code="render.stale_lease", detail="too late")
        )
        await farm.send(work := farm.drawing("good", frames=10))
        await until_reported(farm, work)
    (told,) = (record for record in caplog.records if record.getMessage() == "the farm refused a report")
    assert (told.fields["code"], told.fields["detail"]) == ("render.stale_lease", "too late")


async def test_two_slots_draw_two_parts_at_once(farm, hold):
    async with running(farm, node_slots=2) as node:
        works = [farm.drawing("held", frames=30) for _ in range(2)]
        await asyncio.gather(*(farm.send(work) for work in works))
        for work in works:  # neither comes to its end before the hold is lifted
            await until_reported(farm, work)
        assert len({engine.pid for engine in node.slots.engines}) == 2
        hold.unlink()
        await farm.until(ReportSegment, 6)


async def test_a_node_tells_that_it_lives_and_with_which_parts(farm, hold):
    async with running(farm):
        work = farm.drawing("held", frames=60)
        await farm.send(work)
        while not any(isinstance(tick, Heartbeat) and tick.parts == (work.part_id,) for tick in farm.ticks):
            await asyncio.sleep(0.01)
    beats = [tick for tick in farm.ticks if isinstance(tick, Heartbeat)]
    assert beats[0].name == "north" and beats[0].disk_free > 0 and beats[0].memory > 1 << 20


async def test_work_from_before_the_start_is_thrown_away(farm):
    await farm.send(farm.drawing("good", frames=10))
    async with running(farm):
        await farm.send(work := farm.drawing("good", frames=10))
        await until_reported(farm, work)
    assert [segment.part_id for segment in farm.of(ReportSegment)] == [work.part_id]


async def test_a_fetched_manifest_does_as_well_as_one_that_comes_along(farm):
    async with running(farm):
        work = farm.drawing("good", frames=10)
        farm.store.objects["manifest"] = msgspec.json.encode(work.manifest)
        farm.store.objects["nonsense"] = b"[]"
        await farm.send(msgspec.structs.replace(work, manifest=None, manifest_url=farm.store.url("manifest")))
        await farm.until(ReportSegment)
        await farm.send(farm.part("render", None, manifest_url=farm.store.url("nonsense")))
        assert (await farm.until(ReportFailure))[0].code == "node.manifest"


async def test_a_file_with_the_wrong_bytes_fails_the_part(farm):
    async with running(farm):
        work = farm.drawing("good", frames=10)
        sha256 = next(iter(work.manifest.files))
        farm.store.objects[sha256] = b"something else"
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert failure.code == "node.file_mismatch" and sha256 in failure.detail


async def test_an_object_that_is_gone_is_told_without_the_signature_of_its_address(farm, caplog):
    async with running(farm):
        work = farm.drawing("good", frames=10)
        farm.store.objects.clear()
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert failure.code == "node.object_missing" and "404" in failure.detail
    assert "Signature" not in failure.detail + caplog.text


async def test_the_store_may_go_away_and_come_back_between_drawing_and_upload(farm, caplog):
    async with running(farm):
        first = farm.drawing("good", frames=10)
        await farm.send(first)
        await farm.until(ReportSegment)
        await farm.store.stop()
        await farm.send(farm.drawing("good", frames=20))
        while caplog.text.count("transfer broke") < 2:
            await asyncio.sleep(0.01)
        await farm.store.start()
        await farm.until(ReportSegment, 3)
    assert farm.of(ReportFailure) == []


async def test_a_store_that_stays_away_gives_the_part_back(farm):
    async with running(farm, Tuning(engine=ENGINE, patience=0.5)):
        await farm.store.stop()
        await farm.send(farm.drawing("good", frames=10))
        assert (await farm.until(ReportFailure))[0].code == "node.storage_away"


async def test_an_uploaded_template_is_inspected_and_its_scan_stored(farm):
    async with running(farm):
        farm.store.objects["upload"] = b'{"v":"5.7.0","fr":10,"ip":0,"op":30,"w":64,"h":48,"layers":[]}'
        manifest = Manifest(source_url=farm.store.url("upload"), put_url=farm.store.url("scan"), object_key="scan")
        await farm.send(farm.part("inspect", manifest))
        found = (await farm.until(ReportInspection))[0]
    assert (found.kind, found.code, found.scan_key) == ("template", "", "scan")
    assert found.sha256 == hashlib.sha256(farm.store.objects["upload"]).hexdigest()
    assert b'"scenes"' in farm.store.objects["scan"]


async def test_which_bytes_an_engine_was_given_is_not_for_it_to_say(farm):
    async with running(farm, Tuning(engine="tests.unit.node.striped:LyingEngine")):
        farm.store.objects["upload"] = b'{"v":"5.7.0","fr":10,"ip":0,"op":30,"w":64,"h":48,"layers":[]}'
        manifest = Manifest(source_url=farm.store.url("upload"), put_url=farm.store.url("scan"), object_key="scan")
        await farm.send(farm.part("inspect", manifest))
        found = (await farm.until(ReportInspection))[0]
    upload = farm.store.objects["upload"]
    assert (found.width, found.sha256, found.bytes) == (64, hashlib.sha256(upload).hexdigest(), len(upload))


async def test_a_file_that_hangs_its_engine_is_refused_and_the_node_goes_on(farm, monkeypatch):
    monkeypatch.setattr(inspection, "CPU_SECONDS", 1.0)
    async with running(farm):
        farm.store.objects["upload"] = b'{"v":"5.7.0","fr":10,"ip":0,"op":30,"w":64,"h":48,"layers":[],"nm":"hang"}'
        manifest = Manifest(source_url=farm.store.url("upload"), put_url=farm.store.url("scan"), object_key="scan")
        await farm.send(farm.part("inspect", manifest))
        found = (await farm.until(ReportInspection))[0]
        await farm.send(farm.drawing("good", frames=10))
        await farm.until(ReportSegment)
    assert found.code == "file.too_slow"
    assert farm.of(ReportCrash)[0].kind == "engine_hang"


async def assembly(farm, *names: str, epoch: int = 1, **changes: dict[str, str]):
    """Draw scenes of 20 frames, and the part that joins them; `changes` are made to the stored segments, by their number as `at0`."""
    await farm.send(farm.drawing(*names, frames=20))
    segments = sorted(await farm.until(ReportSegment, 2 * len(names)), key=lambda one: one.key)
    stored = [
        StoredSegment(
            get_url=farm.store.url(one.object_key), sha256=one.sha256, frames=one.frames, key=one.key, before=one.before, last=one.last
        )
        for one in segments
    ]
    for at, change in changes.items():
        stored[int(at[2:])] = msgspec.structs.replace(stored[int(at[2:])], **change)
    manifest = Manifest(rate_num=10, put_url=farm.store.url("export"), object_key="export", segments=tuple(stored))
    return farm.part("assemble", manifest, epoch=epoch), segments


def spoil_cache(farm, sha256: str) -> None:
    """Other bytes in the node's own copy of a file."""
    (path,) = farm.folder.glob(f"node/cache/*/{sha256}")
    path.write_bytes(b"rotten")


async def test_segments_are_joined_to_an_export(farm):
    async with running(farm):
        work, _ = await assembly(farm, "good", "slow")
        await farm.send(work)
        export = (await farm.until(ReportExport))[0]
    assert (export.frames, export.duration, export.object_key) == (40, 4.0, "export")
    assert hashlib.sha256(farm.store.objects["export"]).hexdigest() == export.sha256
    # The node that drew a segment does not fetch it again.
    assert [request for request in farm.store.requests if request[0] == "GET" and request[1].startswith("segments")] == []


async def test_a_segment_that_was_spoilt_on_the_nodes_own_disk_is_fetched_again(farm):
    async with running(farm):
        work, segments = await assembly(farm, "good")
        spoil_cache(farm, segments[1].sha256)
        await farm.send(work)
        assert (await farm.until(ReportExport))[0].frames == 20
    assert farm.store.count(segments[1].object_key) == 2, "once to store it, once to fetch it"
    assert farm.of(ReportFailure) == []


@pytest.mark.parametrize(("rot", "code"), [(b"rotten", "node.file_mismatch"), (None, "node.object_missing")])
async def test_a_stored_segment_that_rotted_or_is_gone_is_named_so_that_it_alone_is_drawn_again(farm, rot, code):
    async with running(farm):
        work, segments = await assembly(farm, "good")
        spoil_cache(farm, segments[1].sha256)
        if rot:
            farm.store.objects[segments[1].object_key] = rot
        else:
            del farm.store.objects[segments[1].object_key]
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.code, failure.segment, failure.crash) == (code, segments[1].key, None)


@pytest.mark.parametrize(("epoch", "blamed"), [(1, 0), (2, 1)])
async def test_the_sides_of_a_torn_seam_are_named_by_turns(farm, epoch, blamed):
    async with running(farm):
        work, segments = await assembly(farm, "good", epoch=epoch, at0={"last": "A" * 192}, at1={"before": "/" * 192})
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.code, failure.segment) == ("node.segment_seam", segments[blamed].key)


async def test_a_seam_that_stays_torn_after_both_sides_were_drawn_again_makes_a_degraded_film(farm):
    async with running(farm):
        work, _ = await assembly(farm, "good", epoch=3, at0={"last": "A" * 192}, at1={"before": "/" * 192})
        await farm.send(work)
        export = (await farm.until(ReportExport))[0]
    assert (export.frames, export.degraded) == (20, True)


async def test_a_template_that_draws_otherwise_the_second_time_is_told_with_its_frame_and_none_of_it_is_used(farm):
    async with running(farm, node_twice=1.0):
        work = farm.drawing("remembers", frames=20)
        await farm.send(work)
        failure = (await farm.until(ReportFailure))[0]
    assert (failure.code, failure.crash, failure.template) == ("node.frames_differ", "frames_differ", work.manifest.scenes[0].spec.bundle)
    assert failure.last_frame >= 0 and "second time" in failure.detail
    assert [crash.kind for crash in farm.of(ReportCrash)] == ["frames_differ"]
    assert not farm.of(ReportSegment)
