"""What is recorded of a simulation: the farm's own events, and when nodes were at work.

Events of jobs are heard as they are published; those of parts, which are many, are read from the stream afterwards.
"""

from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection, StreamReader, stream_state
from contracts.catalogue import EVENTS, LOG_API, feed_of_jobs
from contracts.envelope import Envelope
from contracts.message import decode, type_of
from contracts.node import DrawPart
from contracts.render.jobs import JobCompleted, JobFailed, JobPlanned, JobStarted, JobSubmitted
from contracts.render.parts import PartAssigned, PartEnded
from contracts.render.segments import SegmentVerified
from simulation.nodes import SimulatedNode

OF_PARTS = (PartAssigned, PartEnded, SegmentVerified)
OF_JOBS = (JobSubmitted, JobPlanned, JobStarted, JobCompleted, JobFailed)


class PartTimes(msgspec.Struct):
    """A part's moments, in seconds since 1970; 0 = not yet."""

    tenant: UUID
    job: UUID
    kind: str
    node: UUID
    segments: int
    assigned: float
    begun: float = 0.0  # the node took it from its queue
    drawn: float = 0.0
    ended: float = 0.0
    end: str = ""


class JobTimes(msgspec.Struct):
    """A job's moments, in seconds since 1970; 0 = not yet."""

    tenant: UUID
    submitted: float
    started: float = 0.0
    ended: float = 0.0
    state: str = ""


class Recorder:
    """Everything that was recorded."""

    def __init__(self) -> None:
        self.parts: dict[UUID, PartTimes] = {}
        self.jobs: dict[UUID, JobTimes] = {}
        self.verified: dict[tuple[UUID, str], int] = {}  # how often each segment was accepted
        self.taken: dict[UUID, tuple[float, float]] = {}  # what nodes did with parts that were not known yet
        self.planned: dict[UUID, float] = {}  # when each job was
        self._read_to = 0  # position in the log

    async def listen(self, nc: Connection) -> None:
        """Hear of all tenants' jobs from now on."""
        self._read_to = await _last(nc)
        await nc.subscribe(feed_of_jobs(), cb=self._heard, pending_msgs_limit=0, pending_bytes_limit=0)

    async def read_parts(self, nc: Connection) -> None:
        """Read what has happened to parts since `listen`, or since it was read last."""
        last = await _last(nc)
        reader = StreamReader(nc, EVENTS, self._read_to, subjects=[type_of(cls).subject("*") for cls in OF_PARTS], prefix=LOG_API)
        while (seen := await reader.seen_to()) < last:
            for msg in await reader.next(1000, 1.0):
                self._read(msg)
        self._read_to = seen
        await reader.close()

    async def _heard(self, msg: Msg) -> None:
        if (msg.headers or {}).get("ce-type", "") in _JOBS:
            self._read(msg)

    def _read(self, msg: Msg) -> None:
        envelope = Envelope.read(msg.headers or {})
        self.put(decode(envelope.type, msg.data), envelope.tenant, envelope.time.timestamp())

    def put(self, event: object, tenant: UUID, at: float) -> None:
        """Record one event."""
        match event:
            case JobSubmitted():
                self.jobs[event.job_id] = JobTimes(tenant, at)
            case JobPlanned():
                self.planned[event.job_id] = at
            case JobStarted():
                self.jobs[event.job_id].started = at
            case JobCompleted() | JobFailed():
                job = self.jobs[event.job_id]
                job.ended, job.state = at, "completed" if isinstance(event, JobCompleted) else "failed"
            case PartAssigned():
                size = len(event.keys)
                part = PartTimes(tenant, event.subject_id, event.kind, event.node_id, size, at)
                part.begun, part.drawn = self.taken.pop(event.part_id, (0.0, 0.0))
                self.parts[event.part_id] = part
            case PartEnded() if event.part_id in self.parts:
                part = self.parts[event.part_id]
                part.ended, part.end = at, event.end
            case SegmentVerified():
                ref = (tenant, event.key)
                self.verified[ref] = self.verified.get(ref, 0) + 1
                if event.ends and (drawn := self.parts.get(event.part_id)) is not None:
                    drawn.ended, drawn.end = at, "done"

    def drew(self, node: SimulatedNode, work: DrawPart, begun: float, ended: float) -> None:
        """A node has done a part."""
        part = self.parts.get(work.part_id)
        if part is None:  # its events are not read yet
            self.taken[work.part_id] = begun, ended
        else:
            part.begun, part.drawn = begun, ended


_JOBS = frozenset(type_of(cls).full_name for cls in OF_JOBS)


async def _last(nc: Connection) -> int:
    state = await stream_state(nc, EVENTS, prefix=LOG_API)
    return int(state["state"]["last_seq"]) if state else 0
