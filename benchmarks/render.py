"""Rendering a film of 30 s on two nodes, from submitting to the export, beside converting and encoding alone; then one changed scene."""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from benchmarks import film
from benchmarks.figures import Bound, Figure, figure, median
from benchmarks.film_floor import Encoded
from benchmarks.ground import stack
from cli.client import Client
from contracts.studio.renders import RequestRender

WHOLE = (Bound("ratio", least=0.6),)
CHANGED = (Bound("ratio", most=0.2),)
LIMIT = "x264 on both cores; what the floor does not do: drawing, decoding every segment back to verify it, planning, uploading, joining"
CHANGED_LIMIT = "three segments of thirty are drawn; the rest is the way through the farm and joining thirty segments anew"
DEMO_LIMIT = "drawing: shadows, gradients and a full picture take longer than converting and encoding, which alone are the floor"


async def measure(quick: bool) -> list[Figure]:
    """Frames per second, and the share of the time that a film with one changed scene takes."""
    figures = await _film("render", film.plain(), 1 if quick else 3, WHOLE, LIMIT)
    if not quick:
        figures += (await _film("render.demo", film.demo(), 1, (), DEMO_LIMIT))[:1]
    return figures


async def _film(name: str, bundle: bytes, rounds: int, bounds: tuple[Bound, ...], limit: str) -> list[Figure]:
    frames = round(film.SCENES * film.SECONDS * film.RATE)
    async with stack(nodes=2) as running, film.published(running, bundle) as (client, template):
        await _rendered(client, film.request(template, "warm", 2))
        floors, wholes, changes = [], [], []
        for number in range(rounds):
            floors.append(await _encoded(running.data / "film.lottie"))
            wholes.append(frames / await _rendered(client, film.request(template, f"film {number}")))
            changes.append(await _rendered(client, film.request(template, f"film {number}", changed=5)))
    ratio = median([whole / floor for whole, floor in zip(wholes, floors, strict=True)])
    share = median([change * whole / frames for change, whole in zip(changes, wholes, strict=True)])
    return [
        figure(name, median(wholes), "frames/s", median(floors), bounds, limit, ratio=ratio),
        figure(f"{name}.one_scene_changed", median(changes), "s", frames / median(wholes), CHANGED, CHANGED_LIMIT, ratio=share),
    ]


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


async def _encoded(bundle: Path) -> float:
    """Frames per second of two processes that convert and encode every third second of the film, the scenes shared between them."""
    shares = [[str(scene) for scene in range(film.SCENES) if scene % 2 == half] for half in range(2)]
    found = await asyncio.gather(*(_floor("--bundle", str(bundle), "--each", "1", *share) for share in shares))
    return sum(one.frames for one in found) / max(one.seconds for one in found)


async def _floor(*options: str) -> Encoded:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.film_floor", *options, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return msgspec.json.decode(out, type=Encoded)
