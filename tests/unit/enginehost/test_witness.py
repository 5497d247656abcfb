"""A second drawing: what a frame depends on beside its scene and second is found before the segment is used."""

import contextlib
import os
import sys
from collections.abc import Iterator

import msgspec
import psutil
import pytest
import pytest_asyncio

from contracts.node import SegmentTask
from contracts.spec import SceneSpec
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.witness import ALIVE, DIED, OVER, Said, Witness
from node_worker.engines.witness import Testimony as Heard
from node_worker.parts.draw import again
from tests.unit.enginehost.synthetic import SyntheticEngine
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


def asked(name: str, **values: str) -> protocol.SceneRequest:
    spec = SceneSpec(scene=name, bundle="b", digest="d", frames=90, duration=3.0, texts=values)
    return protocol.SceneRequest(spec=spec, files=Files({}), width=64, height=36, rate_num=30, rate_den=1, background="#FFFFFF")


@contextlib.contextmanager
def piped(*said: Said) -> Iterator[tuple[Witness, int]]:
    """A witness whose process has said all this already and has ended, and the end at which requests arrive."""
    (requests, wanted), (answers, told) = os.pipe(), os.pipe()
    os.write(told, b"".join(msgspec.json.encode(one) + b"\n" for one in said))
    os.close(told)
    yield Witness(wanted, answers), requests
    for one in (wanted, answers):
        os.close(one)
    with contextlib.suppress(OSError):
        os.close(requests)


async def test_who_waits_for_a_scene_that_is_still_being_opened_elsewhere_is_told_that_it_lives():
    heard = []
    with piped(Said(1, ALIVE, 0), Said(1, ALIVE, 0), Said(1, 3, 77), Said(1, OVER, 0)) as (witness, _):
        assert Heard(witness, asked("calm"), (3,), lambda: heard.append(1)).of(3) == 77
    assert len(heard) == 3


async def test_a_scene_that_takes_long_to_open_tells_that_it_lives_where_it_is_drawn_a_second_time():
    witness = Witness.start(SyntheticEngine(), lambda: None)
    assert witness is not None
    witness.ask(asked("opens slowly"), (7,))
    said = list(iter(lambda: one.frame if (one := witness.read()) else OVER, OVER))
    assert set(said[:-1]) == {ALIVE} and said[-1] == 7


async def test_without_the_process_that_waits_films_are_drawn_and_nothing_is_drawn_twice(engine, tmp_path):
    await engine.start()
    waiting = psutil.Process(engine.pid).children(recursive=True)
    for one in waiting:
        one.kill()
    for _ in range(2):
        assert await checks(engine, twice(tmp_path, "remembers", {0: (7,), 30: (41,), 60: ()})) == [(True, "", -1)] * 3


@pytest.mark.parametrize("name", ["refused when fresh", "short of memory when fresh", "short of disk when fresh"])
async def test_a_machine_that_is_short_of_something_says_nothing_of_the_template(name: str):
    witness = Witness.start(SyntheticEngine(), lambda: None)
    assert witness is not None
    assert Heard(witness, asked(name), (7, 8)).of(7) is None
    assert Heard(witness, asked("exit"), (60,)).of(60) == DIED


async def test_what_nobody_waited_for_holds_up_no_later_request():
    witness = Witness.start(SyntheticEngine(), lambda: None)
    assert witness is not None
    Heard(witness, asked("calm"), range(5000))  # more is said of it than a pipe holds
    assert isinstance(Heard(witness, asked("calm", title="x" * 200_000), (7,)).of(7), int)
