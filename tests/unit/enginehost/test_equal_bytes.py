"""A film's bytes do not depend on how it was cut, on which node a part was drawn, in which order, or on what died meanwhile."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from contracts.spec import SceneSpec
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.engines.lottie import LottieEngine
from templates import samples

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "tests/data/pictures"
COMPUTED = sorted(PICTURES.glob("expression-*.json"))  # each with one kind of expression
FRAMES, PART, SIZE = 60, 15, (160, 90)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits are POSIX's")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A document with expressions of every kind, text and all."""
    path = tmp_path / "computed.json"
    path.write_bytes(samples.computed("سلام Hello", FRAMES / 30))
    return path


@pytest_asyncio.fixture
async def nodes() -> AsyncIterator[list[EngineProcess]]:
    """Four engine processes that know nothing of each other; they start when they are asked."""
    engines = [EngineProcess(environment={"PYTHONPATH": str(ROOT)}, reads=(str(ROOT),)) for _ in range(4)]
    yield engines
    await asyncio.gather(*(engine.close() for engine in engines))


def spec_of(path: Path) -> tuple[SceneSpec, Files]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    spec = SceneSpec(scene="main", bundle=digest, digest="", frames=FRAMES, duration=FRAMES / 30)
    return spec, Files({digest: str(path)}, str(path.parent / "work"))


def part(path: Path, folder: Path, *firsts: int) -> protocol.DrawSegments:
    """Segments of a film, by their first frames."""
    folder.mkdir(exist_ok=True)
    spec, files = spec_of(path)
    tasks = tuple(protocol.SegmentTask(key=str(first), first=first, count=PART, output=str(folder / f"{first}.mp4")) for first in firsts)
    return protocol.DrawSegments(
        spec=spec,
        files=files,
        width=SIZE[0],
        height=SIZE[1],
        rate_num=30,
        rate_den=1,
        background="#FFFFFF",
        quality="draft",
        segments=tasks,
    )


async def drawn(engine: EngineProcess, request: protocol.DrawSegments) -> dict[str, str]:
    """The SHA-256 of each segment, by its first frame."""
    events = [event async for event in engine.run(request)]
    return {event.segment.key: event.segment.sha256 for event in events if isinstance(event, protocol.SegmentDone)}


async def test_a_computed_film_is_the_same_whole_in_parts_on_four_nodes_and_after_a_kill(
    film: Path, nodes: list[EngineProcess], tmp_path: Path
) -> None:
    # Four starts of an engine, two at a time: 3 s. That they are processes of their own is what is to be shown.
    firsts = range(0, FRAMES, PART)
    whole = await drawn(nodes[0], part(film, tmp_path / "whole", *firsts))
    assert len(set(whole.values())) == len(firsts)
    shared = await asyncio.gather(*(drawn(node, part(film, tmp_path / "shared", first)) for node, first in zip(nodes, firsts, strict=True)))
    assert {key: one for each in shared for key, one in each.items()} == whole
    again = {}
    for first in reversed(firsts):  # a repair: single segments, the last one first, by a process that drew another part before
        again |= await drawn(nodes[1], part(film, tmp_path / "again", first))
    assert again == whole
    with pytest.raises(EngineCrashed):
        async for event in nodes[2].run(part(film, tmp_path / "killed", *firsts)):
            if isinstance(event, protocol.SegmentDone):
                nodes[2].cancel()
    assert await drawn(nodes[2], part(film, tmp_path / "killed", *firsts)) == whole


def hashes(path: Path, frames: Sequence[int]) -> dict[int, str]:
    """What an engine that knows nothing yet draws, in that order."""
    spec, files = spec_of(path)
    scene, pixels, found = LottieEngine().open(spec, files, SIZE, "#FFFFFF", ()), np.empty((SIZE[1], SIZE[0], 4), np.uint8), {}
    for frame in frames:
        scene.draw(frame / 30, pixels)
        found[frame] = hashlib.sha256(pixels).hexdigest()
    scene.close()
    return found


@pytest.mark.parametrize("path", COMPUTED, ids=lambda one: one.stem)
def test_each_kind_of_expression_draws_the_same_frames_in_any_order_and_part(path: Path, tmp_path: Path) -> None:
    frames = list(range(0, FRAMES, 7))
    forwards = hashes(path, frames)
    assert hashes(path, frames[::-1]) == forwards
    parts = [hashes(path, frames[cut : cut + 3]) for cut in range(0, len(frames), 3)]
    assert {frame: one for each in parts for frame, one in each.items()} == forwards
