"""What is recorded of a simulation: the farm's own events as they are published, and when nodes were at work."""

from uuid import UUID

import msgspec
from nats.aio.msg import Msg

from adapters.nats import Connection
from contracts.catalogue import feed_subject
from contracts.envelope import Envelope
from contracts.message import decode, type_of
from contracts.node import DrawPart
from contracts.render import JobCompleted, JobFailed, JobPlanned, JobStarted, JobSubmitted, PartAssigned, PartEnded, SegmentVerified
from simulation.nodes import SimulatedNode

KEPT = (JobSubmitted, JobPlanned, JobStarted, JobCompleted, JobFailed, PartAssigned, PartEnded, SegmentVerified)


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


class Tape:
    """Everything that was recorded."""

    def __init__(self) -> None:
        self.parts: dict[UUID, PartTimes] = {}
        self.jobs: dict[UUID, JobTimes] = {}
        self.verified: dict[tuple[UUID, str], int] = {}  # how often each segment was accepted
        self.taken: dict[UUID, tuple[float, float]] = {}  # what nodes did with parts that were not known yet
        self.planned: set[UUID] = set()

    async def listen(self, nc: Connection) -> None:
        """Hear the feed of all tenants from now on."""
        await nc.subscribe(feed_subject(), cb=self._heard, pending_msgs_limit=0, pending_bytes_limit=0)

    async def _heard(self, msg: Msg) -> None:
        headers = msg.headers or {}
        if headers.get("ce-type", "") not in _TYPES:
            return
        envelope = Envelope.read(headers)
        self.put(decode(envelope.type, msg.data), envelope.tenant, envelope.time.timestamp())

    def put(self, event: object, tenant: UUID, at: float) -> None:
        """Record one event."""
        match event:
            case JobSubmitted():
                self.jobs[event.job_id] = JobTimes(tenant, at)
            case JobPlanned():
                self.planned.add(event.job_id)
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
        if part is None:  # the feed is behind the node
            self.taken[work.part_id] = begun, ended
        else:
            part.begun, part.drawn = begun, ended


_TYPES = frozenset(type_of(cls).full_name for cls in KEPT)
