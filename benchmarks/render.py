"""Rendering a film of 30 s on two nodes, from submitting to the export, beside x264 alone; then one changed scene."""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from benchmarks import film
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.film import Template
from benchmarks.film_floor import Encoded
from benchmarks.ground import stack
from benchmarks.memory import held
from benchmarks.processes import processes, used
from cli.client import Client
from contracts.studio.renders import RequestRender
from deploy.local.stack import Stack

WHOLE = (Bound("ratio", least=0.8),)
MEMORY = (Bound("value", most=680.0),)
FRAMES = round(film.SCENES * film.SECONDS * film.RATE)
CHANGED = (Bound("ratio", most=0.2),)
LIMIT = (
    "x264 on both cores; what the floor does not do: drawing, conversion, decoding every segment back to verify it, "
    "drawing some frames twice, planning, uploading, joining"
)
PROCESSOR_LIMIT = "processor time of all processes, servers included, for each frame of the film, beside that of x264 alone"
MEMORY_LIMIT = "two engines, of which x264 has some 160 MB each; the floor is the same stack when it has nothing to do"
CHANGED_LIMIT = "three segments of thirty are drawn; the rest is the way through the farm and joining thirty segments anew"
DEMO_LIMIT = "drawing: shadows, gradients and a full picture take longer than encoding, which alone is the floor"


class Round(msgspec.Struct):
    """What one round showed: frames and seconds, milliseconds of processor time a frame, bytes."""

    floor: Encoded
    whole: float
    processor: float
    memory: float
    changed: float


async def measure(quick: bool) -> list[Figure]:
    """Frames per second, processor time and memory; and the share of the time that a film with one changed scene takes."""
    figures = await _film("render", film.plain(), 1 if quick else 3, WHOLE, LIMIT)
    if not quick:
        figures += (await _film("render.demo", film.demo(), 1, (), DEMO_LIMIT))[:2]
    return figures


async def _film(name: str, bundle: bytes, rounds: int, bounds: tuple[Bound, ...], limit: str) -> list[Figure]:
    async with stack(nodes=2) as running, film.published(running, bundle) as (client, template):
        idle = _held(running)
        await _rendered(client, film.request(template, "warm", 2))
        found = [await _round(running, client, template, f"film {number}") for number in range(rounds)]
    floor = median([one.floor.frames / one.floor.seconds for one in found])
    ratio = median([one.whole * one.floor.seconds / one.floor.frames for one in found])
    encoding = median([one.floor.processor / one.floor.frames * 1e3 for one in found])
    whole, changed = median([one.whole for one in found]), median([one.changed for one in found])
    share = median([one.changed * one.whole / FRAMES for one in found])
    processor, memory = median([one.processor for one in found]), median([one.memory for one in found])
    return [
        figure(name, whole, "frames/s", floor, bounds, limit, ratio=ratio),
        figure(f"{name}.processor", processor, "ms a frame", encoding, (), PROCESSOR_LIMIT),
        figure(f"{name}.memory", memory / 1e6, "MB", idle / 1e6, MEMORY, MEMORY_LIMIT),
        figure(f"{name}.one_scene_changed", changed, "s", FRAMES / whole, CHANGED, CHANGED_LIMIT, ratio=share),
    ]


async def _round(running: Stack, client: Client, template: Template, words: str) -> Round:
    floor = await _encoded(running.data / "film.lottie")
    before, most = used(running), [0.0]
    watching = asyncio.create_task(_watch(running, most))
    seconds = await _rendered(client, film.request(template, words))
    watching.cancel()
    processor = (used(running) - before) / FRAMES * 1e3
    changed = await _rendered(client, film.request(template, words, changed=5))
    return Round(floor, FRAMES / seconds, processor, most[0], changed)


async def _watch(running: Stack, most: list[float]) -> None:
    """Look twice a second at the memory that the stack holds, and keep the most."""
    while True:
        most[0] = max(most[0], await asyncio.to_thread(_held, running))
        await asyncio.sleep(0.5)


def _held(running: Stack) -> float:
    servers, ours = processes(running)
    return held(one.pid for one in (*servers, *ours))


async def _rendered(client: Client, asked: RequestRender) -> float:
    """Seconds from submitting to the export's being there."""
    began = time.perf_counter()
    job = (await client.render(asked)).job_id
    assert job is not None
    async for progress in client.follow(job):
        if progress.state == "completed":
            return time.perf_counter() - began
        if progress.ended and progress.job is not None:
            raise RuntimeError(f"the render was {progress.state}: {progress.job.code} {progress.job.detail}")
    raise AssertionError("following ends with the render")


async def _encoded(bundle: Path) -> Encoded:
    """What two processes took that encode every third second of the film, the scenes shared between them, at the same time."""
    shares = [[str(scene) for scene in range(film.SCENES) if scene % 2 == half] for half in range(2)]
    found = await asyncio.gather(*(_floor("--bundle", str(bundle), "--each", "1", *share) for share in shares))
    return Encoded(sum(one.frames for one in found), max(one.seconds for one in found), sum(one.processor for one in found))


async def _floor(*options: str) -> Encoded:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.film_floor", *options, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return msgspec.json.decode(out, type=Encoded)
