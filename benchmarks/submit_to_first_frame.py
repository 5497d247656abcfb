"""From submitting a render to its first frame, on a node that is idle and warm, beside the engine alone doing the same."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import msgspec

from benchmarks.figures import Bound, Figure, figure, percentile
from benchmarks.film import Template, plain, published, request
from benchmarks.ground import admin, stack
from cli.client import Client
from contracts.catalogue import part_tick_subject
from contracts.node import PartTick
from contracts.spec import SceneSpec
from contracts.studio.renders import RequestRender
from deploy.local.stack import Stack
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.engines.host import EngineProcess

P50 = (Bound("value", most=60.0),)
P99 = (Bound("value", most=250.0),)
LIMIT = (
    "five durable writes one after the other (command, request, log, job, assignment), the sending of event and work "
    "around the engine's own preparing, discarded warm-up frame and first frame, which are the floor"
)


async def measure(quick: bool) -> list[Figure]:
    """Milliseconds from the request's first byte to the tick of its first drawn frame, which the node tells at once."""
    renders = 12 if quick else 60
    async with stack(nodes=1) as running, published(running, plain()) as (client, template):
        took = await _submitted(running, client, template, renders)
        floor = await _engine_alone(running, template, max(5, renders // 4))
    return [
        figure("submit_to_first_frame.p50", percentile(took, 0.5), "ms", percentile(floor, 0.5), P50, LIMIT),
        figure("submit_to_first_frame.p99", percentile(took, 0.99), "ms", percentile(floor, 0.99), P99, LIMIT),
    ]


async def _submitted(running: Stack, client: Client, template: Template, renders: int) -> list[float]:
    nc = await admin(running)
    first: dict[UUID, float] = {}

    async def ticked(msg: Any) -> None:
        first.setdefault(msgspec.json.decode(msg.data, type=PartTick).subject_id, time.perf_counter())

    await nc.subscribe(part_tick_subject(), cb=ticked)
    took = []
    for number in range(renders + 3):
        began = time.perf_counter()
        job = (await client.render(_one_scene(template, f"film {number}"))).job_id
        assert job is not None
        await _ended(client, job)
        if number >= 3:  # the first ones load what a warm node has
            took.append((first[job] - began) * 1000)
    await nc.close()
    return took


def _one_scene(template: Template, words: str) -> RequestRender:
    """Six frames, so that the node is idle again soon; what comes before the first does not depend on their number."""
    return request(template, words, 1, seconds=0.2)


async def _ended(client: Client, job: UUID) -> None:
    while (row := await client.job(job)).state not in ("completed", "failed"):
        await asyncio.sleep(0.05)
    if row.state == "failed":
        raise RuntimeError(f"the render failed: {row.code} {row.detail}")
    await asyncio.sleep(0.2)  # idle again


async def _engine_alone(running: Stack, template: Template, times: int) -> list[float]:
    """The same scene asked of an engine process that has just answered another request."""
    work = running.data / "floor"
    work.mkdir()
    file = running.data / "film.lottie"
    took = []
    engine = EngineProcess()
    await engine.start()
    for number in range(times + 1):
        scene = _one_scene(template, f"floor {number}").scenes[0]
        spec = SceneSpec(scene=scene.scene, bundle="0" * 64, digest="", frames=90, duration=scene.duration or 3.0, texts=scene.texts)
        began = time.perf_counter()
        async for event in _drawn(engine, spec, file, work):
            if isinstance(event, protocol.Frame):
                took.append((time.perf_counter() - began) * 1000)
    await engine.close()
    return took[1:]


async def _drawn(engine: EngineProcess, spec: SceneSpec, file: Path, work: Path) -> AsyncIterator[protocol.Event]:
    task = protocol.SegmentTask(key="floor", first=0, count=1, output=str(work / "floor.mp4"))
    asked = protocol.DrawSegments(
        spec=spec,
        files=Files(objects={spec.bundle: str(file)}, work=str(work)),
        width=1920,
        height=1080,
        rate_num=30,
        rate_den=1,
        quality="standard",
        background="#FFFFFF",
        segments=(task,),
    )
    async with aclosing(cast(Any, engine.run(asked))) as events:
        async for event in events:
            yield event
