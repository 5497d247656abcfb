"""Progress: nodes' part ticks become a few progress ticks a second for each running job; lossy, outside the log."""

import asyncio
import logging
from uuid import UUID

import msgspec

from adapters.nats import Connection
from consumers.runtime.item import Item
from contracts.message import encode, type_of
from contracts.node import PartTick
from contracts.render.jobs import JobAdvanced, JobCancelled, JobCompleted, JobFailed, JobProgress, JobSubmitted
from contracts.render.parts import PartAssigned, PartEnded
from contracts.render.segments import Advance, SegmentVerified

log = logging.getLogger(__name__)
EVERY = 0.25  # seconds between ticks of a job
LONGEST_NAME = 100  # characters of a node's name


class Running(msgspec.Struct):
    """What is known of a job that draws."""

    tenant: UUID
    total: int
    verified: int = 0
    began: float = 0.0
    began_at: int = 0  # frames that were there when drawing began
    holders: dict[UUID, UUID] = msgspec.field(default_factory=dict)  # the node of each part that was given out and not taken back
    parts: dict[UUID, PartTick] = msgspec.field(default_factory=dict)
    changed: bool = False


class Progress:
    """Adds up verified frames and the frames of running parts."""

    def __init__(self, nc: Connection) -> None:
        self._nc = nc
        self._jobs: dict[UUID, Running] = {}

    def observe(self, items: list[Item]) -> None:
        """Follow jobs through their events."""
        for item in items:
            for envelope, event, _, _ in item.events:
                if isinstance(event, JobSubmitted):
                    self._jobs[event.job_id] = Running(envelope.tenant, event.frames_total)
                elif isinstance(event, SegmentVerified):
                    self._verified(event)
                elif isinstance(event, JobAdvanced):
                    self._advanced(event)
                elif isinstance(event, PartAssigned) and (job := self._jobs.get(event.subject_id)):
                    job.holders[event.part_id] = event.node_id
                elif isinstance(event, PartEnded) and (job := self._jobs.get(event.subject_id)):
                    job.holders.pop(event.part_id, None)
                elif isinstance(event, JobCompleted | JobFailed | JobCancelled):
                    self._jobs.pop(event.job_id, None)

    def _verified(self, event: SegmentVerified) -> None:
        for now in event.jobs:
            self._advanced(now)
            if event.ends and (job := self._jobs.get(now.job_id)) is not None:
                job.holders.pop(event.part_id, None)

    def _advanced(self, now: Advance | JobAdvanced) -> None:
        if (job := self._jobs.get(now.job_id)) is not None:
            job.verified, job.changed = now.frames_done, True

    async def run(self) -> None:
        """Pass on what changed, a few times a second."""
        while True:
            await asyncio.sleep(EVERY)
            now = asyncio.get_running_loop().time()
            for job_id, job in list(self._jobs.items()):
                if job.changed:
                    job.changed = False
                    tick = self._tick(job_id, job, now)
                    await self._nc.publish(type_of(tick).subject(job.tenant), encode(tick))

    def ticked(self, node_id: UUID, tick: PartTick) -> None:
        """A node says how far it is in a part; only the part's holder is believed, and no more than the job's frames."""
        job = self._jobs.get(tick.subject_id)
        if job is None or job.tenant != tick.tenant_id or job.holders.get(tick.part_id) != node_id:
            return
        if not (0 <= tick.frames <= job.total and 0 <= tick.frame <= job.total) or len(tick.node_name) > LONGEST_NAME:
            return
        if not job.began:
            job.began, job.began_at = asyncio.get_running_loop().time(), job.verified
        job.parts[tick.part_id] = tick
        job.changed = True

    def _tick(self, job_id: UUID, job: Running, now: float) -> JobProgress:
        drawn = sum(part.frames for part in job.parts.values())
        done = min(job.total, max(job.verified, job.began_at + drawn))
        elapsed = now - job.began if job.began else 0.0
        speed = (done - job.began_at) / elapsed if elapsed > 0.2 else 0.0
        left = (job.total - done) / speed if speed > 0 else None
        nodes = {part.node_name: part.frame for part in job.parts.values()}
        return JobProgress(job_id=job_id, frames_done=done, frames_total=job.total, frames_per_second=speed, seconds_left=left, nodes=nodes)
