"""Cancelling: how soon after the request the engines that draw a job are dead."""

import asyncio
import time
from uuid import UUID, uuid4

import psutil

from deploy.local.process import is_alive
from tests.chaos.client import Client
from tests.chaos.farm_stack import FarmStack
from tests.chaos.faults import engines_of
from tests.chaos.tenants import Tenant
from tests.chaos.watcher import Watcher

DRAWN_WITHIN, STOPPED_WITHIN = 30.0, 10.0  # seconds
LOOK = 0.005  # seconds


class Cancels:
    """Renders a film that takes long, and cancels it while it is drawn; the project is published."""

    def __init__(self, stack: FarmStack, watcher: Watcher, tenant: Tenant, project: str) -> None:
        self._stack, self._watcher, self._tenant, self._project = stack, watcher, tenant, project
        self.jobs: list[UUID] = []
        self.seconds: list[float] = []
        self.violations: list[str] = []

    async def run(self, times: int) -> None:
        """So many jobs, one after the other."""
        async with Client(self._stack.url, self._tenant.api_key) as client:
            for _ in range(times):
                await self._one(client)

    async def _one(self, client: Client) -> None:
        scenes = [{"scene": row["key"]} for row in (await client.get(f"/v1/projects/{self._project}/scenes"))["data"]]
        scenes[0]["texts"] = {"frl_title": str(uuid4())}  # so that no segment was drawn before
        job = UUID((await client.post("/v1/renders", project_id=self._project, scenes=scenes))["job_id"])
        self.jobs.append(job)
        if not await self._drawn(job):
            self.violations.append(f"the job {job}, to be cancelled, was not drawn within {DRAWN_WITHIN:.0f} s")
            return
        engines = self._engines(job)
        begun = time.monotonic()
        cancelling = asyncio.create_task(client.post(f"/v1/renders/{job}/cancel"))
        while any(is_alive(engine) for engine in engines) and time.monotonic() - begun < STOPPED_WITHIN:
            await asyncio.sleep(LOOK)
        took = time.monotonic() - begun
        await cancelling
        if took >= STOPPED_WITHIN:
            self.violations.append(f"{STOPPED_WITHIN:.0f} s after the job {job} was cancelled its engines still ran")
        self.seconds.append(round(took, 3))

    async def _drawn(self, job: UUID) -> bool:
        """Wait until all nodes draw it, or have had the time to."""
        nodes, give_up = self._stack.node_ids, time.monotonic() + DRAWN_WITHIN
        while time.monotonic() < give_up:
            drawing = [node for node in nodes if (now := self._watcher.drawing(node)) and now.job_id == job]
            if len(drawing) == len(nodes) or (drawing and time.monotonic() > give_up - DRAWN_WITHIN + 5):
                return True
            await asyncio.sleep(0.05)
        return False

    def _engines(self, job: UUID) -> list[psutil.Process]:
        """The engines that work on it: of all that its nodes have, those that have used the processor most."""
        found = []
        pids = self._stack.processes.pids()
        for name, node in zip(self._stack.names, self._stack.node_ids, strict=True):
            now = self._watcher.drawing(node)
            if now and now.job_id == job and name in pids:
                engines = engines_of(psutil.Process(pids[name]))
                found += [max(engines, key=lambda engine: engine.cpu_times().user)] if engines else []
        return found
