"""The engine process and its host: answers, limits, and every way to die told for what it is."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from contracts.spec import AudioTrack, SceneSpec
from node_worker.encode.facts import SegmentFile
from node_worker.engines import protocol
from node_worker.engines.base import Files, TemplateRefused
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.engines.ticker import Opening

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(os.name != "posix", reason="signals and limits are POSIX's"),
]


def new_engine(**options) -> EngineProcess:
    return EngineProcess(engine="tests.unit.enginehost.synthetic:SyntheticEngine", environment={"PYTHONPATH": str(ROOT)}, **options)


@pytest_asyncio.fixture
async def unguarded():
    """An engine that can start programs, under our own user: on a kernel that has nothing to keep it from that."""
    process = new_engine()
    at = process._command.index("node_worker.engines.child")
    process._command[at:at] = ["tests.unit.cage.old_kernel", "unshare,landlock_create_ruleset,seccomp"]
    yield process
    await process.close()


@pytest_asyncio.fixture
async def engine():
    process = new_engine()
    yield process
    await process.close()


def draw(folder: Path, scene: str = "calm", frames: int = 40, **changes) -> protocol.DrawSegments:
    tasks = tuple(
        protocol.SegmentTask(key=str(first), first=first, count=min(30, frames - first), output=str(folder / f"{first}.mp4"))
        for first in range(0, frames, 30)
    )
    spec = SceneSpec(scene=scene, bundle="b", digest="d", frames=frames, duration=frames / 30)
    asked = {"width": 160, "height": 90, "rate_num": 30, "rate_den": 1, "quality": "draft", "background": "#FFFFFF", "segments": tasks}
    return protocol.DrawSegments(spec=spec, files=Files({}, str(folder)), **(asked | changes))


async def events(engine: EngineProcess, request: protocol.Request, **options) -> list[protocol.Event]:
    return [event async for event in engine.run(request, **options)]


def of(kind: type, told: list[protocol.Event]) -> list:
    return [event for event in told if isinstance(event, kind)]


async def crash(engine: EngineProcess, request: protocol.Request, **options) -> EngineCrashed:
    with pytest.raises(EngineCrashed) as crashed:
        await events(engine, request, **options)
    return crashed.value


async def until_said(engine: EngineProcess, words: bytes) -> None:
    """What the process writes to standard error comes beside its events, not in their order."""
    while words not in engine._tail:
        await asyncio.sleep(0.01)


async def until_hung(engine: EngineProcess) -> None:
    """Wait until the frame is being drawn at which scenes misbehave."""
    while engine._newest() < 15:
        await asyncio.sleep(0.01)


async def test_segments_are_drawn_checked_and_told_with_their_hash(engine, tmp_path):
    told = await events(engine, draw(tmp_path))
    finished = [event.segment for event in of(protocol.SegmentDone, told)]
    assert [(one.key, one.frames, one.check.ok) for one in finished] == [("0", 30, True), ("30", 10, True)]
    assert [one.bytes for one in finished] == [(tmp_path / name).stat().st_size for name in ("0.mp4", "30.mp4")]
    assert isinstance(told[0], protocol.Started)
    ticks = of(protocol.Frame, told)
    assert (ticks[0].frame, ticks[0].count) == (0, 1)
    assert (ticks[-1].frame, ticks[-1].count) == (39, 40)


async def test_two_processes_make_the_same_bytes(engine, tmp_path):
    other = new_engine()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    try:
        told = await asyncio.gather(*(events(process, draw(folder)) for process, folder in zip((engine, other), folders, strict=True)))
    finally:
        await other.close()
    first, second = ([event.segment.sha256 for event in of(protocol.SegmentDone, one)] for one in told)
    assert first == second


async def test_a_scene_is_prepared_once_for_consecutive_parts(engine, tmp_path):
    await events(engine, draw(tmp_path))
    await until_said(engine, b"opened calm 1")
    await events(engine, draw(tmp_path))
    await events(engine, draw(tmp_path, width=162))
    await until_said(engine, b"opened calm 2")  # the second request opened none


async def test_what_libraries_print_is_no_event(engine, tmp_path):
    told = await events(engine, draw(tmp_path, "noisy"))
    assert len(of(protocol.SegmentDone, told)) == 2
    await until_said(engine, b"printed by a library")


async def test_warnings_and_refusals_reach_the_caller_and_the_process_lives_on(engine, tmp_path):
    told = await events(engine, draw(tmp_path, "warned"))
    assert [event.warning.code for event in of(protocol.Warned, told)] == ["font.missing"]
    pid = engine.pid
    with pytest.raises(TemplateRefused) as refused:
        await events(engine, draw(tmp_path, "refused"))
    assert (refused.value.code, refused.value.field) == ("scene.unknown", "scenes.0.scene")
    with pytest.raises(TemplateRefused, match=r"render\.size"):
        await events(engine, draw(tmp_path, width=161))
    await events(engine, draw(tmp_path))
    assert engine.pid == pid


@pytest.mark.parametrize(
    ("scene", "kind", "number", "code"),
    [("crash", "signal", signal.SIGSEGV, 0), ("exit", "exit", 0, 7), ("oom", "oom", 0, 0), ("error", "error", 0, 0)],
)
async def test_each_death_is_told_with_the_frame_and_the_next_request_starts_anew(engine, tmp_path, scene, kind, number, code):
    crashed = await crash(engine, draw(tmp_path, scene))
    assert (crashed.kind, crashed.signal, crashed.exit_code, crashed.last_frame) == (kind, number, code, 15)
    assert len(crashed.log_tail) <= 4096
    assert engine.pid is None
    assert len(of(protocol.SegmentDone, await events(engine, draw(tmp_path)))) == 2


async def test_a_crash_keeps_the_end_of_the_log(engine, tmp_path):
    assert "about to read address zero" in (await crash(engine, draw(tmp_path, "crash"))).log_tail


async def test_a_hang_is_killed_after_its_silence(engine, tmp_path):
    crashed = await crash(engine, draw(tmp_path, "hang"), stall_seconds=2)
    assert (crashed.kind, crashed.signal, crashed.last_frame) == ("hang", signal.SIGKILL, 15)


async def test_a_kill_from_elsewhere_counts_as_out_of_memory(engine, tmp_path):
    await engine.start()
    running = asyncio.create_task(crash(engine, draw(tmp_path, "hang")))
    await until_hung(engine)
    os.kill(engine.pid, signal.SIGKILL)
    assert (await running).kind == "oom"


async def test_a_full_disk_is_told_as_such(unguarded, tmp_path):
    assert (await crash(unguarded, draw(tmp_path, "full disk"))).kind == "disk_full"
    assert not list(tmp_path.iterdir())


async def test_cancelling_ends_the_work_and_a_new_process_starts(engine, tmp_path):
    await engine.start()
    running = asyncio.create_task(crash(engine, draw(tmp_path, "hang")))
    await until_hung(engine)
    old = engine.pid
    engine.cancel()
    assert (await running).kind == "cancelled"
    assert not psutil.pid_exists(old)
    assert len(of(protocol.SegmentDone, await events(engine, draw(tmp_path)))) == 2


async def test_a_cancelled_task_or_a_caller_who_leaves_ends_the_process(engine, tmp_path):
    running = asyncio.create_task(events(engine, draw(tmp_path, "hang")))
    await engine.start()
    await until_hung(engine)
    old = engine.pid
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(old)
    answers = engine.run(draw(tmp_path))
    await anext(answers)
    old = engine.pid
    await answers.aclose()
    assert not psutil.pid_exists(old)


def children_of(crashed: EngineCrashed) -> list[int]:
    """The processes that the engine said it had started: one of its own group, one that left it."""
    return [int(pid) for pid in crashed.log_tail.partition("children ")[2].split()[:2]]


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_hang_is_killed_with_all_that_the_engine_started(unguarded, tmp_path):
    crashed = await crash(unguarded, draw(tmp_path, "children, kept"), stall_seconds=2)
    children = children_of(crashed)
    assert (crashed.kind, len(children)) == ("hang", 2)
    assert not any(lives(pid) for pid in children)


async def test_an_engine_that_dies_leaves_no_child_of_its_group(unguarded, tmp_path):
    crashed = await crash(unguarded, draw(tmp_path, "children, left"), stall_seconds=3)
    inside, outside = children_of(crashed)
    os.kill(outside, signal.SIGKILL)  # nobody knows whose child it was
    assert (crashed.kind, crashed.exit_code) == ("exit", 7)
    assert not lives(inside)


async def test_requests_wait_for_their_turn(engine, tmp_path):
    first, second = await asyncio.gather(events(engine, draw(tmp_path)), events(engine, draw(tmp_path)))
    assert len(of(protocol.SegmentDone, first)) == len(of(protocol.SegmentDone, second)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows them")
async def test_the_process_has_its_limits_and_its_own_session(engine):
    ready = await engine.start()
    assert (ready.engine, ready.engine_build) == ("synthetic", "synthetic 1")
    limits = Path(f"/proc/{engine.pid}/limits").read_text(encoding="utf-8").splitlines()  # its user's, not ours to ask for
    found = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert found["Max data size"] == [str(3 << 30)] * 2
    assert found["Max core file size"] == ["0"] * 2
    assert found["Max open files"] == ["1024"] * 2
    assert os.getsid(engine.pid) == engine.pid
    assert engine.cpu_seconds() > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
async def test_the_process_dies_with_its_parent(tmp_path):
    script = f"""
import asyncio, sys
from tests.unit.enginehost.test_engine_process import draw, new_engine
from pathlib import Path
async def main():
    engine = new_engine()
    await engine.start()
    print(engine.pid, flush=True)
    async for event in engine.run(draw(Path({str(tmp_path)!r}), "hang")):
        pass
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_an_idle_process_leaves_when_it_is_closed():
    engine = new_engine()
    await engine.start()
    process = engine._process
    await engine.close()
    assert process.returncode == 0


async def test_an_engine_that_cannot_be_loaded_is_told_with_its_reason():
    engine = EngineProcess(engine="node_worker.engines.nowhere:Engine", environment={"PYTHONPATH": str(ROOT)})
    with pytest.raises(EngineCrashed) as crashed:
        await engine.start()
    assert crashed.value.kind == "exit"
    assert "node_worker.engines.nowhere" in crashed.value.log_tail


async def test_nonsense_instead_of_a_request_fails_and_no_frame_file_is_left(engine):
    await engine.start()
    mark = engine._mark.path
    with pytest.raises(EngineCrashed, match="no_such"):
        await events(engine, json.loads('{"type": "no_such"}'))
    assert not mark.exists()


async def test_drawn_segments_are_assembled_to_a_verified_video(engine, tmp_path):
    finished = [event.segment for event in of(protocol.SegmentDone, await events(engine, draw(tmp_path)))]
    files = tuple(SegmentFile(path=one.path, sha256=one.sha256, frames=one.frames) for one in finished)
    out = tmp_path / "out.mp4"
    told = await events(engine, protocol.Assemble(segments=files, output=str(out), rate_num=30, rate_den=1))
    (done,) = of(protocol.Assembled, told)
    assert (done.facts.frames, done.facts.bytes) == (40, out.stat().st_size)
    assert of(protocol.Frame, told)[-1].frame == 40
    with pytest.raises(TemplateRefused) as refused:
        bad = AudioTrack(kind="sfx", file="a")
        asked = protocol.Assemble(segments=files, output=str(out), rate_num=30, rate_den=1, audio=(bad,), files={"a": files[0].path})
        await events(engine, asked)
    assert refused.value.code == "audio.unreadable"


async def test_a_file_is_inspected_in_the_process(engine, tmp_path):
    (tmp_path / "t").write_text('{"layers": []}')
    (found,) = of(protocol.Inspected, await events(engine, protocol.Inspect(path=str(tmp_path / "t"), work=str(tmp_path))))
    assert (found.inspection.kind, found.inspection.width, found.inspection.duration) == ("template", 64, 2.0)


def picture(folder: Path, scene: str = "calm", frame: int = 7, **changes) -> protocol.DrawPicture:
    asked = draw(folder, scene)
    names = ("spec", "files", "width", "height", "rate_num", "rate_den", "background")
    given = {name: getattr(asked, name) for name in names} | {"frame": frame, "output": str(folder / "p.png")}
    return protocol.DrawPicture(**(given | changes))


async def test_a_picture_is_one_frame_and_the_same_each_time(engine, tmp_path):
    [first] = of(protocol.PictureDone, await events(engine, picture(tmp_path)))
    data = (tmp_path / "p.png").read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (first.sha256, first.bytes)
    with Image.open(tmp_path / "p.png") as found:
        assert (found.format, found.mode, found.size) == ("PNG", "RGB", (160, 90))
    assert of(protocol.PictureDone, await events(engine, picture(tmp_path))) == [first]
    [other] = of(protocol.PictureDone, await events(engine, picture(tmp_path, frame=8)))
    assert other.sha256 != first.sha256


async def test_a_picture_of_a_size_that_cannot_be_is_refused_with_its_field(engine, tmp_path):
    with pytest.raises(TemplateRefused) as refused:
        await events(engine, picture(tmp_path, width=161))
    assert (refused.value.code, refused.value.field) == ("render.size", "width")


async def test_a_file_that_takes_long_to_open_is_no_hang_and_one_that_never_ends_is(tmp_path):
    heard = []
    with Opening(lambda: heard.append(1)) as opening:
        while len(heard) < 2:
            time.sleep(0.01)
    assert not opening._thread.is_alive()
    with Opening(lambda: heard.append(1), most=0.0) as opening:
        opening._thread.join()
    assert len(heard) == 2


async def test_an_engine_that_opens_a_file_or_a_scene_says_that_it_goes_on(engine, tmp_path):
    (tmp_path / "slow").write_bytes(b'{"slow": 1}')
    told = await events(engine, protocol.Inspect(path=str(tmp_path / "slow"), work=str(tmp_path / "work")))
    assert len(of(protocol.Started, told)) > 1
    assert len(of(protocol.Started, await events(engine, draw(tmp_path, "opens silently")))) > 1
