"""A film's bytes do not depend on how it was cut, on which process a part was drawn, or on what died; and an engine of which they do."""

import asyncio
import hashlib
import itertools
from pathlib import Path
from typing import Any

from contracts.spec import SceneSpec
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.host import EngineCrashed, EngineProcess
from node_worker.engines.lottie import LottieEngine
from tests.mutants.checks import Broken

ROOT = Path(__file__).parents[2]
FRAMES, PART, SIZE = 60, 15, (160, 90)


class History(LottieEngine):
    """A frame depends on how many were drawn before it."""

    def open(self, *given: Any, **more: Any) -> Any:
        scene = super().open(*given, **more)
        draw, drawn = scene.draw, itertools.count()
        scene.draw = lambda seconds, into: draw(seconds + next(drawn) / 1000, into)  # type: ignore[method-assign]
        return scene


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


async def is_the_same_everywhere(film: Path, engine: str, folder: Path) -> None:
    """Draw a film whole, in parts by four processes, backwards in single parts, and after a kill. Raises Broken when bytes differ."""
    nodes = [EngineProcess(engine=engine, environment={"PYTHONPATH": str(ROOT)}, reads=(str(ROOT),)) for _ in range(4)]
    try:
        await _drawn_in_every_way(film, nodes, folder)
    finally:
        await asyncio.gather(*(node.close() for node in nodes))


async def _drawn_in_every_way(film: Path, nodes: list[EngineProcess], folder: Path) -> None:
    firsts = range(0, FRAMES, PART)
    whole = await drawn(nodes[0], part(film, folder / "whole", *firsts))
    if len(set(whole.values())) != len(firsts):
        raise Broken("nothing moves in this film: it shows nothing")
    shared = await asyncio.gather(*(drawn(node, part(film, folder / "shared", first)) for node, first in zip(nodes, firsts, strict=True)))
    _same(whole, {key: one for each in shared for key, one in each.items()}, "in parts by four processes")
    again: dict[str, str] = {}
    for first in reversed(firsts):  # a repair: single segments, the last one first, by a process that drew another part before
        again |= await drawn(nodes[1], part(film, folder / "again", first))
    _same(whole, again, "backwards, in single parts")
    try:
        async for event in nodes[2].run(part(film, folder / "killed", *firsts)):
            if isinstance(event, protocol.Frame | protocol.SegmentDone):  # all may be drawn by the time that the first is told of
                await nodes[2].kill()
    except EngineCrashed:
        pass
    _same(whole, await drawn(nodes[2], part(film, folder / "killed", *firsts)), "after a kill")


def _same(whole: dict[str, str], other: dict[str, str], how: str) -> None:
    if other != whole:
        raise Broken(f"{how}: other bytes in the segments at {sorted(key for key in whole if other.get(key) != whole[key])}")
