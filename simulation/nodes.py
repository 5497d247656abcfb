"""Simulated nodes: they register, beat, take work and report it as real ones do; their engine only waits."""

import asyncio
import hashlib
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import msgspec

from adapters.presign import CREATE_ONLY
from contracts.actors import node_actor
from contracts.envelope import Envelope, first
from contracts.ids import following_id
from contracts.message import Report
from contracts.node import (
    PROTOCOL,
    CancelPart,
    DrawPart,
    Heartbeat,
    Manifest,
    RegisterAgain,
    RegisterNode,
    ReportExport,
    ReportFailure,
    ReportInspection,
    ReportSegment,
    ReportSnapshot,
    SegmentTask,
)
from contracts.render.nodes import Capabilities
from producers.ticks import Ticks
from simulation.plan import Plan
from simulation.report_batcher import ReportBatcher

ENGINE, ENCODER = "simulated engine 1", "simulated encoder 1"
BEAT = 1.0  # seconds, as real nodes
AWAY = 8.0  # seconds that a dead node is silent: longer than a lease
Drew = Callable[["SimulatedNode", DrawPart, float, float], None]  # node, work, begun and ended in seconds since 1970


class Wire(msgspec.Struct, frozen=True):
    """What all simulated nodes share; `seconds` says how long one segment of a job takes."""

    batcher: ReportBatcher
    ticks: Ticks
    http: aiohttp.ClientSession
    seconds: Callable[[UUID], float]
    drew: Drew
    files: dict[UUID, str]  # SHA-256 of what is uploaded, by file; a node that has opened one takes it out


class SimulatedNode:
    """One node with some slots."""

    def __init__(self, plan: Plan, number: int, wire: Wire) -> None:
        self.id, self.name = plan.identity(f"node {number}"), f"simulated {number}"
        self._actor = node_actor(self.id)
        self.given = 0  # DrawParts that came
        self._plan, self._wire = plan, wire
        self._chance = random.Random(f"{plan.seed} node {number}")
        self._parts: dict[UUID, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(plan.slots)
        self._alive = True

    async def run(self) -> None:
        """Live until cancelled; deaths come as the plan has them."""
        self.register()
        try:
            while True:
                await asyncio.sleep(BEAT)
                if self._alive and self._chance.random() < self._plan.deaths * BEAT / 60:
                    await self._die()
                await self._wire.ticks.emit(Heartbeat(name=self.name, epoch=0, parts=tuple(self._parts)), self.id)
        finally:
            self._drop_parts()

    def register(self) -> None:
        """Offer the slots."""
        report = RegisterNode(
            protocol=PROTOCOL,
            name=self.name,
            slots=self._plan.slots,
            engine_build=ENGINE,
            encoder_build=ENCODER,
            version="0",
            platform="simulation",
            capabilities=Capabilities(short_slots=1),
        )
        self._wire.batcher.post(report, first(report, actor=self._actor))

    async def take(self, work: object, envelope: Envelope) -> None:
        """Obey one message."""
        if not self._alive:
            return
        if isinstance(work, DrawPart):
            self.given += 1
            task = asyncio.create_task(self._do(work, envelope))
            self._parts[part_id := work.part_id] = task
            task.add_done_callback(lambda _: self._forget(part_id))
        elif isinstance(work, CancelPart) and (held := self._parts.get(work.part_id)):
            held.cancel()
        elif isinstance(work, RegisterAgain):
            self.register()

    def _forget(self, part_id: UUID) -> None:
        self._parts.pop(part_id, None)

    def _drop_parts(self) -> None:
        for task in list(self._parts.values()):
            task.cancel()

    async def _die(self) -> None:
        self._alive = False
        self._drop_parts()
        await asyncio.sleep(AWAY)
        self._alive = True
        self.register()

    async def _do(self, work: DrawPart, envelope: Envelope) -> None:
        async with self._slots:
            begun = time.time()
            manifest = work.manifest or await self._fetch(work.manifest_url)
            if work.kind == "inspect":
                self._open(work, envelope)
            elif work.kind == "snapshot":
                self._picture(work, envelope, manifest)
            elif work.kind == "assemble":
                await self._assemble(work, envelope, manifest)
            else:
                await self._draw(work, envelope, [task for scene in manifest.scenes for task in scene.segments])
            self._wire.drew(self, work, begun, time.time())

    async def _fetch(self, url: str) -> Manifest:
        async with self._wire.http.get(url) as answer:
            return msgspec.json.decode(await answer.read(), type=Manifest)

    def _open(self, work: DrawPart, envelope: Envelope) -> None:
        sha256 = self._wire.files[work.subject_id]
        report = ReportInspection(part_id=work.part_id, epoch=work.epoch, kind="template", sha256=sha256, bytes=1)
        self._report(work, envelope, report, "inspection")
        self._wire.files.pop(work.subject_id, None)

    def _picture(self, work: DrawPart, envelope: Envelope, manifest: Manifest) -> None:
        sha256 = hashlib.sha256(work.subject_id.bytes).hexdigest()
        report = ReportSnapshot(part_id=work.part_id, epoch=work.epoch, object_key=manifest.object_key, sha256=sha256, bytes=1)
        self._report(work, envelope, report, "snapshot")

    async def _draw(self, work: DrawPart, envelope: Envelope, tasks: list[SegmentTask]) -> None:
        crash_at = self._chance.randrange(len(tasks)) if tasks and self._chance.random() < self._plan.crashes else -1
        for number, task in enumerate(tasks):
            seconds = self._wire.seconds(work.subject_id) * task.count * math.exp(self._chance.gauss(0, self._plan.spread))
            await asyncio.sleep(seconds / self._plan.speed)
            if number == crash_at:
                self._crash(work, envelope, task.first)
                return
            report = ReportSegment(
                part_id=work.part_id,
                epoch=work.epoch,
                key=task.key,
                object_key=task.object_key,
                sha256=task.key,
                bytes=1,
                frames=task.count,
                difference=0.0,
                seconds=seconds,
            )
            self._report(work, envelope, report, task.key)

    def _crash(self, work: DrawPart, envelope: Envelope, frame: int) -> None:
        facts = {"code": "node.engine_killed", "detail": "killed by the simulation", "crash": "engine_crash", "signal": 9}
        report = ReportFailure(part_id=work.part_id, epoch=work.epoch, last_frame=frame, **facts)  # type: ignore[arg-type]
        self._report(work, envelope, report, "failure")

    async def _assemble(self, work: DrawPart, envelope: Envelope, manifest: Manifest) -> None:
        frames = sum(segment.frames for segment in manifest.segments)
        data = b"0"
        sha = hashlib.sha256(data).hexdigest()
        async with self._wire.http.put(manifest.put_url, data=data, headers=CREATE_ONLY) as answer:  # the farm reads it
            answer.raise_for_status()
        report = ReportExport(
            part_id=work.part_id,
            epoch=work.epoch,
            object_key=manifest.object_key,
            sha256=sha,
            bytes=1,
            frames=frames,
            duration=float(frames),
            packets_sha256=sha,
        )
        self._report(work, envelope, report, "export")

    def _report(self, work: DrawPart, envelope: Envelope, report: Report, name: str) -> None:
        identity = following_id(work.part_id, f"{work.epoch} {name}")
        self._wire.batcher.post(
            report, envelope.caused(report, id=identity, time=datetime.now(UTC), actor=self._actor, tenant=work.tenant_id)
        )
