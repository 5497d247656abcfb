"""A farm to simulate on: a stack without nodes, simulated nodes at its broker, and jobs sent to the render domain."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import aiohttp
import msgspec

from adapters.nats import Connection, StreamReader, api, connect
from contracts.catalogue import WORK
from contracts.envelope import Envelope, derived_id, first
from contracts.identity.tenants import CreateTenant
from contracts.message import decode
from contracts.render.inspections import RequestInspection
from contracts.render.jobs import SubmitJob
from contracts.spec import RenderSpec, SceneSpec
from deploy.local.stack import Stack
from producers.publisher import Publisher
from producers.ticks import Ticks
from simulation.costs import processor_seconds
from simulation.nodes import SimulatedNode, Wire
from simulation.plan import JobPlan, Plan
from simulation.recorder import Recorder
from simulation.report_batcher import ReportBatcher

SETTLED = 1.0  # seconds for registrations and tenants to reach the scheduler
LOOK = 0.2  # seconds
UPLOADED_WITHIN = 60.0  # seconds


class SimulatedFarm:
    """A running stack with its simulated farm; `recorder` holds what happened."""

    def __init__(self, plan: Plan, running: Stack, nc: Connection, http: aiohttp.ClientSession) -> None:
        self.plan, self.running, self.recorder = plan, running, Recorder()
        self._nc, self._publisher = nc, Publisher(nc)
        self._seconds: dict[UUID, float] = {}
        self._files: dict[UUID, str] = {}
        self._batcher = ReportBatcher(nc)
        wire = Wire(self._batcher, Ticks(nc), http, lambda job: self._seconds.get(job, 0.0), self.recorder.drew, self._files)
        self.nodes = [SimulatedNode(plan, number, wire) for number in range(1, plan.nodes + 1)]
        self._by_id = {str(node.id): node for node in self.nodes}
        self._tasks: list[asyncio.Task[None]] = []
        self.began = 0.0
        self.spent: dict[str, float] = {}  # processor seconds of everything until the plan's jobs were done, by process

    async def start(self) -> None:
        """Make the tenants, register the nodes, begin to deliver work, have every template opened."""
        await self.recorder.listen(self._nc)
        state = await api(self._nc, f"STREAM.INFO.{WORK}")
        self._keep(self._deliver(int(state["state"]["last_seq"])))
        for tenant in self.plan.tenants:
            created = CreateTenant(name=tenant.name, render_weight=tenant.weight, max_slots=tenant.max_slots)
            await self._publisher.publish(created, first(created, tenant=tenant.tenant_id))
        self._keep(self._batcher.run())
        for node in self.nodes:
            self._keep(node.run())
        await asyncio.sleep(SETTLED + len(self.nodes) / 500)
        await self._upload()
        self.began = time.time()

    async def _upload(self) -> None:
        """The farm knows where a template's bytes lie before a job needs them, as it does where people upload them."""
        for tenant, sha256 in {(self.plan.tenants[job.tenant].tenant_id, _bundle(job)) for job in self.plan.jobs}:
            file_id = derived_id(tenant, sha256)
            self._files[file_id] = sha256
            command = RequestInspection(file_id=file_id, name="simulated.lottie", bytes=1, object_key=f"simulated/{sha256}")
            await self._publisher.publish(command, first(command, tenant=tenant))
        async with asyncio.timeout(UPLOADED_WITHIN):
            while self._files:
                await asyncio.sleep(LOOK)

    async def stop(self) -> None:
        """End nodes and deliveries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: object) -> None:
        self._tasks.append(asyncio.create_task(work))  # type: ignore[arg-type]

    async def _deliver(self, after: int) -> None:
        """One reader of the stream of work stands for a consumer of each node, which would cost a thousand nodes' pulls."""
        reader = StreamReader(self._nc, WORK, after)
        while True:
            for msg in await reader.next(500, 5.0):
                node = self._by_id.get(msg.subject.split(".")[1])
                if node is not None:
                    envelope = Envelope.read(msg.headers or {})
                    await node.take(decode(envelope.type, msg.data), envelope)

    async def submit_all(self) -> None:
        """Send every job of the plan at its time."""
        for job in sorted(self.plan.jobs, key=lambda job: job.at):
            await asyncio.sleep(max(0.0, self.began + job.at - time.time()))
            await self.submit(job)

    async def submit(self, job: JobPlan) -> None:
        """Send one job."""
        self._seconds[job.job_id] = job.seconds
        digest = hashlib.sha256(job.job_id.bytes).hexdigest()
        scene = SceneSpec(scene="simulated", bundle=_bundle(job), digest=digest, frames=job.segments, duration=float(job.segments))
        spec = RenderSpec(scenes=(scene,), width=640, height=360, rate_num=1, rate_den=1)  # one frame a segment
        sha = hashlib.sha256(msgspec.json.encode(spec)).hexdigest()
        command = SubmitJob(job_id=job.job_id, spec=spec, spec_sha256=sha, priority=job.priority)
        await self._publisher.publish(command, first(command, tenant=self.plan.tenants[job.tenant].tenant_id))

    async def read_parts(self) -> None:
        """Bring the recorder up to what has happened to parts."""
        await self.recorder.read_parts(self._nc)

    async def until_done(self) -> bool:
        """Wait until every job of the plan has ended; False when the plan's time was over first."""
        wanted = {job.job_id for job in self.plan.jobs}
        done = False
        while not done and time.time() < self.began + self.plan.lasts:
            await asyncio.sleep(LOOK)
            done = all((seen := self.recorder.jobs.get(job)) is not None and seen.ended for job in wanted)
        self.spent = processor_seconds()
        return done


def _bundle(job: JobPlan) -> str:
    """The SHA-256 of a job's template."""
    return hashlib.sha256(job.template.encode() if job.template else job.job_id.bytes).hexdigest()


@asynccontextmanager
async def simulated_farm(plan: Plan, data: Path | None = None) -> AsyncIterator[SimulatedFarm]:
    """A stack of its own with the plan's farm, stopped at the end; its data goes with it, unless a folder is given."""
    with tempfile.TemporaryDirectory(prefix="flatrender-simulation-", ignore_cleanup_errors=True) as folder:
        async with _on(plan, data or Path(folder)) as made:
            yield made


@asynccontextmanager
async def _on(plan: Plan, data: Path) -> AsyncIterator[SimulatedFarm]:
    async with Stack(data, nodes=0) as running, aiohttp.ClientSession() as http:
        nc = await connect(running.settings("admin"), "flatrender simulate", within=10)
        made = SimulatedFarm(plan, running, nc, http)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()
            await nc.close()
