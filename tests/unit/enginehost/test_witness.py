"""A second drawing: what a frame depends on beside its scene and second is found before the segment is used."""

import sys

import psutil
import pytest
import pytest_asyncio

from contracts.node import SegmentTask
from node_worker.engines import protocol
from node_worker.parts.draw import again
from tests.unit.enginehost.test_engine_process import crash, draw, events, new_engine, of, until_said

pytestmark = [pytest.mark.asyncio, pytest.mark.skipif(sys.platform == "win32", reason="it cannot split processes")]


@pytest_asyncio.fixture
async def engine():
    process = new_engine()
    yield process
    await process.close()


def twice(folder, scene: str, frames: dict[int, tuple[int, ...]]) -> protocol.DrawSegments:
    """A request in which the given frames of each segment, by its first one, are drawn a second time."""
    asked = draw(folder, scene, frames=90)
    tasks = tuple(
        protocol.SegmentTask(key=one.key, first=one.first, count=one.count, output=one.output, again=frames[one.first])
        for one in asked.segments
    )
    return draw(folder, scene, frames=90, segments=tasks)


async def checks(engine, request) -> list[tuple[bool, str, int]]:
    return [
        (one.segment.check.ok, one.segment.check.reason, one.segment.check.frame)
        for one in of(protocol.SegmentDone, await events(engine, request))
    ]


async def test_a_scene_that_keeps_to_its_second_passes(engine, tmp_path):
    frames = {0: (0, 7, 29), 30: (41,), 60: (60, 89)}
    for _ in range(2):
        assert await checks(engine, twice(tmp_path, "calm", frames)) == [(True, "", -1)] * 3


async def test_a_picture_that_depends_on_what_was_drawn_before_fails_its_segment(engine, tmp_path):
    found = await checks(engine, twice(tmp_path, "remembers", {0: (7,), 30: (41,), 60: ()}))
    assert found == [(False, "unsteady", 7), (False, "unsteady", 11), (True, "", -1)]


async def test_nothing_is_drawn_twice_unless_it_is_asked_for(engine, tmp_path):
    assert await checks(engine, twice(tmp_path, "remembers", {0: (), 30: (), 60: ()})) == [(True, "", -1)] * 3


async def test_a_second_drawing_that_ends_its_process_fails_the_segment_and_not_the_engine(engine, tmp_path):
    pid = (await engine.start()) and engine.pid
    assert await checks(engine, twice(tmp_path, "crashes when fresh", {0: (9,), 30: (), 60: ()})) == [
        (False, "unsteady", 9),
        *[(True, "", -1)] * 2,
    ]
    await until_said(engine, b"Segmentation fault")
    assert await checks(engine, twice(tmp_path, "calm", {0: (9,), 30: (41,), 60: ()})) == [(True, "", -1)] * 3
    assert engine.pid == pid


async def test_a_death_speaks_of_the_frame_that_was_drawn_and_of_no_other(engine, tmp_path):
    found = await checks(engine, twice(tmp_path, "dies late when fresh", {0: (9,), 30: (41,), 60: (61, 89)}))
    assert found == [(True, "", -1), (False, "unsteady", 11), (True, "", -1)]


async def test_a_second_drawing_that_is_killed_from_outside_says_nothing(engine, tmp_path):
    assert await checks(engine, twice(tmp_path, "is killed when fresh", {0: (9,), 30: (41,), 60: ()})) == [(True, "", -1)] * 3


async def test_a_second_drawing_that_hangs_is_a_hang_and_leaves_no_process(engine, tmp_path):
    await engine.start()
    family = psutil.Process(engine.pid).children(recursive=True)
    assert family, "the process that waits"
    died = await crash(engine, twice(tmp_path, "hang", {0: (20,), 30: (), 60: ()}), stall_seconds=1.0)
    assert died.kind == "hang"
    psutil.wait_procs(family, 10)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)


async def test_the_process_that_waits_goes_with_its_engine(engine):
    await engine.start()
    family = psutil.Process(engine.pid).children(recursive=True)
    await engine.close()
    assert len(family) == 1
    psutil.wait_procs(family, 10)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family)


async def test_an_engine_of_which_nothing_is_wanted_twice_splits_nothing_off(tmp_path):
    engine = new_engine(witness=False)
    try:
        await engine.start()
        assert not psutil.Process(engine.pid).children(recursive=True)
        assert await checks(engine, twice(tmp_path, "remembers", {0: (7,), 30: (), 60: ()})) == [(True, "", -1)] * 3
    finally:
        await engine.close()


async def test_the_frames_that_are_drawn_twice_are_a_share_of_each_segment_and_others_each_time():
    segment = SegmentTask(key="k", first=60, count=30, put_url="", object_key="")
    assert again(segment, 1, 0.0) == ()
    assert [len(again(segment, 1, share)) for share in (0.001, 1 / 30, 0.1, 1.0)] == [1, 1, 3, 30]
    assert all(60 <= frame < 90 for frame in again(segment, 1, 0.2))
    assert len({again(segment, epoch, 1 / 30) for epoch in range(20)}) > 5
    assert again(segment, 3, 0.1) == again(segment, 3, 0.1)


async def test_what_draws_a_second_time_is_held_like_the_engine(engine, tmp_path):
    assert await checks(engine, twice(tmp_path, "asks for a socket", {0: (7,), 30: (41,), 60: (89,)})) == [(True, "", -1)] * 3
