"""What passes between a daemon and an engine that was taken over: nothing but what was asked for."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.spec import SceneSpec
from node_worker import remains
from node_worker.engines import host, protocol
from node_worker.engines.base import Files, TemplateRefused
from node_worker.engines.host import EngineCrashed, EngineProcess
from tests.unit.cage.daemon import asked, data_folder, engine_of

pytestmark = [pytest.mark.asyncio, pytest.mark.skipif(sys.platform != "linux", reason="the engine's kernel is made to forget calls")]
BARE = "unshare,landlock_create_ruleset,seccomp"  # nothing but the hatch is between engine and daemon
SECRET = '{"secret": "of the node"}'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_folder(tmp_path)


@pytest_asyncio.fixture
async def engine(data: Path) -> AsyncIterator[EngineProcess]:
    process = engine_of(data / "work" / "engines" / "1", BARE)
    yield process
    await process.close()


def drawing(data: Path, key: str, how: str, path: Path) -> protocol.DrawSegments:
    """Ask for segment "asked", of an engine that will offer something else."""
    return protocol.DrawSegments(
        spec=SceneSpec(scene="s", bundle="b", digest="d", frames=1, duration=1, texts={"offers": json.dumps([key, how, str(path)])}),
        files=Files({}),
        width=64,
        height=36,
        rate_num=30,
        rate_den=1,
        quality="draft",
        background="#FFFFFF",
        segments=(protocol.SegmentTask(key="asked", first=0, count=1, output=str(data / "work" / "segment.mp4")),),
    )


async def crash(engine: EngineProcess, request: protocol.Request, **options: float) -> EngineCrashed:
    with pytest.raises(EngineCrashed) as crashed:
        async for event in engine.run(request, **options):
            assert not isinstance(event, protocol.SegmentDone)
    return crashed.value


@pytest.mark.parametrize("how", ["name", "symbolic link", "hard link", "folder", "pipe", "holes", "other size"])
async def test_a_file_that_is_not_the_engines_own_or_not_what_it_says_is_not_taken(engine: EngineProcess, data: Path, how: str) -> None:
    crashed = await crash(engine, drawing(data, "asked", how, data / "identity.json"))
    assert crashed.kind == "error"
    assert not (data / "work" / "segment.mp4").exists()
    assert (data / "identity.json").read_text() == SECRET


async def test_a_segment_that_nobody_asked_for_is_not_taken(engine: EngineProcess, data: Path) -> None:
    crashed = await crash(engine, drawing(data, "another", "name", data / "identity.json"))
    assert (crashed.kind, "nobody asked for" in crashed.detail) == ("error", True)


async def test_a_request_sees_no_file_of_another(data: Path) -> None:
    engine = EngineProcess(engine="tests.unit.cage.hostile:HostileEngine", folder=data / "work" / "engines" / "1")
    given = data / "work" / "engines" / "1" / "given"
    try:
        for name in ("one", "two"):
            assert await asked(engine, data / name, [("listing", str(given))]) == ["saw 1 names"]
            assert list(given.iterdir()) == []
    finally:
        await engine.close()
    assert not given.parent.exists()


async def test_nobody_else_can_enter_an_engines_folder(data: Path) -> None:
    engine = EngineProcess(engine="tests.unit.cage.hostile:HostileEngine", folder=data / "work" / "engines" / "1")
    await engine.start()
    try:
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (data / "work" / "engines").rglob("*")]
        assert modes and not any(mode & 0o007 for mode in modes)
    finally:
        await engine.close()


async def test_an_engine_that_goes_on_when_it_has_answered_is_replaced(
    engine: EngineProcess, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "IDLE_COMPUTING", 0.2)
    assert await asked(engine, data / "asked", [("compute", None)]) == ["computing"]
    first = engine.pid
    while engine.cpu_seconds() - engine._rested < 0.2:
        await asyncio.sleep(0.01)
    assert await asked(engine, data / "asked", [("descriptors", None)])
    assert engine.pid != first


async def test_signs_of_life_do_not_keep_an_engine_that_computes_without_end(
    engine: EngineProcess, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "SPARE_FRAMES", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    await engine.start()
    crashed = await crash(engine, drawing(data, "asked", "signs of life", data), stall_seconds=0.5)
    assert (crashed.kind, "without an end" in crashed.detail) == ("hang", True)


async def test_signs_of_life_alone_do_not_keep_an_engine_either(engine: EngineProcess, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "SPARE_FRAMES", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    await engine.start()
    crashed = await crash(engine, drawing(data, "asked", "signs of life alone", data), stall_seconds=0.5)
    assert (crashed.kind, "without an end" in crashed.detail) == ("hang", True)


async def test_an_engine_that_cuts_off_what_it_shares_with_its_daemon_ends_only_itself(engine: EngineProcess, data: Path) -> None:
    assert (await asked(engine, data / "asked", [("cut", None)])) != ["cut 0 off"]
    assert await asked(engine, data / "asked", [("descriptors", None)])
    await engine.kill()
    assert await asked(engine, data / "asked", [("descriptors", None)])


@pytest.mark.parametrize("how", ["closed", "5000"])  # deeper than a path may be long, and than a function may call itself
async def test_folders_that_are_closed_or_deep_do_not_stay(engine: EngineProcess, data: Path, how: str) -> None:
    engines = data / "work" / "engines"
    try:
        for _ in range(2):
            assert await asked(engine, data / "asked", [("bury", how)]) == ["buried"]
        await engine.close()
        async with asyncio.timeout(20):
            while list(engines.iterdir()):
                await asyncio.sleep(0.01)
    finally:  # pytest removes no such folders
        remains.remove(engines)


async def test_others_have_their_turn_while_an_engine_says_much(engine: EngineProcess, data: Path) -> None:
    await engine.start()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(other())
    events = 0
    (data / "asked").write_text(json.dumps({"tries": [("say", '{"type":"started"}\n' * 2000)]}))
    with pytest.raises(TemplateRefused):
        async for _ in engine.run(protocol.Inspect(path=str(data / "asked"), work="")):
            events += 1
            turns = 0 if events == 1 else turns
    beside.cancel()
    assert events > 2000 and turns >= events - 1


async def test_what_is_nested_too_deep_is_no_event(engine: EngineProcess, data: Path) -> None:
    nested = '{"type":"frame","more":' + "[" * 100_000 + "]" * 100_000 + "}\n"
    (data / "asked").write_text(json.dumps({"tries": [("say", nested)]}))
    assert (await crash(engine, protocol.Inspect(path=str(data / "asked"), work=""))).kind == "error"


async def test_an_engine_that_cannot_be_started_is_told_for_what_it_is(engine: EngineProcess, data: Path) -> None:
    (data / "work" / "engines").rmdir()
    (data / "work" / "engines").write_text("a file where a folder should be")
    with pytest.raises(EngineCrashed) as crashed:
        await engine.start()
    assert (crashed.value.kind, "cannot be started" in crashed.value.detail) == ("error", True)
    (data / "work" / "engines").unlink()
    assert await asked(engine, data / "asked", [("descriptors", None)])
