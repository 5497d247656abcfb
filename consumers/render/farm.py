"""The scheduler's picture of the farm, kept from committed events: nodes and their slots, jobs and what of them still waits."""

import heapq
import math
from uuid import UUID

import msgspec

Ref = tuple[UUID, UUID]  # tenant and job (or file)
SegmentRef = tuple[UUID, str]
PART_SECONDS = 8.0  # how long a part should take
MOST_SEGMENTS = 20  # in one part
GUESS = 1.0  # seconds for a segment that nobody has measured


class NodeState(msgspec.Struct):
    """A registered node; `busy` holds the parts that occupy its slots."""

    node_id: UUID
    name: str
    epoch: int
    slots: int
    builds: tuple[str, str]
    heard: float
    busy: set[UUID] = msgspec.field(default_factory=set)
    reported: frozenset[UUID] = frozenset()  # the parts of its latest heartbeat

    @property
    def free(self) -> int:
        return self.slots - len(self.busy)


class JobState(msgspec.Struct):
    """A job with segments that wait; `waiting` is a heap of positions."""

    ref: Ref
    priority: int
    order: int
    builds: tuple[str, str] | None = None
    keys: dict[int, str] = msgspec.field(default_factory=dict)
    waiting: list[int] = msgspec.field(default_factory=list)
    seconds: float = GUESS  # per segment, a moving average


class PartState(msgspec.Struct):
    """A lease, or one that is being asked for."""

    part_id: UUID
    tenant: UUID
    node_id: UUID
    node_epoch: int
    kind: str
    subject: UUID
    keys: tuple[str, ...]
    since: float
    confirmed: bool = False
    missed: int = 0


class Choice(msgspec.Struct, frozen=True):
    """What a free slot shall do."""

    kind: str
    tenant: UUID
    subject: UUID
    first: int = 0
    count: int = 0
    keys: tuple[str, ...] = ()


class Farm:
    """All of it in memory; rebuilt from the event tables at the start."""

    def __init__(self) -> None:
        self.nodes: dict[UUID, NodeState] = {}
        self.jobs: dict[Ref, JobState] = {}
        self.parts: dict[UUID, PartState] = {}
        self.unplanned: dict[Ref, None] = {}
        self.inspections: dict[Ref, None] = {}
        self.assembling: dict[Ref, None] = {}
        self.users: dict[SegmentRef, list[tuple[Ref, int]]] = {}
        self.drawing: set[SegmentRef] = set()
        self._queues: dict[UUID, list[tuple[int, int, Ref]]] = {}  # tenant to a heap of jobs with something waiting
        self._spent: dict[UUID, float] = {}  # tenant to the slot seconds it was given: its virtual time
        self._served: dict[UUID, int] = {}  # tenant to the number of its latest choice: of equals, who waited longer goes first
        self._orders = self._choices = 0

    def add_job(self, ref: Ref, priority: int) -> JobState:
        """A job that may still draw something."""
        self._orders += 1
        job = self.jobs[ref] = JobState(ref, priority, self._orders)
        return job

    def add_segment(self, ref: Ref, idx: int, key: str) -> None:
        """One position of a job that is not done."""
        job = self.jobs[ref]
        job.keys[idx] = key
        self.users.setdefault((ref[0], key), []).append((ref, idx))
        if (ref[0], key) not in self.drawing:
            self._wait(job, idx)

    def _wait(self, job: JobState, idx: int) -> None:
        if not job.waiting:
            self._queue(job)
        heapq.heappush(job.waiting, idx)

    def _queue(self, job: JobState) -> None:
        tenant = job.ref[0]
        queue = self._queues.setdefault(tenant, [])
        if not queue:  # an idle tenant must not have saved up a claim on the whole farm
            present = [self._spent[other] for other, jobs in self._queues.items() if jobs and other in self._spent]
            self._spent[tenant] = max(self._spent.get(tenant, 0.0), min(present, default=0.0))
        heapq.heappush(queue, (-job.priority, job.order, job.ref))

    def drop_job(self, ref: Ref) -> None:
        """A job that ended."""
        job = self.jobs.pop(ref, None)
        self.unplanned.pop(ref, None)
        self.assembling.pop(ref, None)
        for idx, key in (job.keys if job else {}).items():
            users = self.users.get((ref[0], key))
            if users is not None:
                users.remove((ref, idx))
                if not users:
                    del self.users[ref[0], key]

    def segment_done(self, tenant: UUID, key: str, seconds: float) -> None:
        """A segment was verified: nobody waits for it any more."""
        self.drawing.discard((tenant, key))
        for ref, idx in self.users.pop((tenant, key), ()):
            job = self.jobs[ref]
            job.keys.pop(idx, None)
            if seconds > 0:
                job.seconds += 0.3 * (seconds - job.seconds)

    def segment_back(self, tenant: UUID, key: str) -> None:
        """A segment waits again, for every job that needs it."""
        self.drawing.discard((tenant, key))
        for ref, idx in self.users.get((tenant, key), ()):
            self._wait(self.jobs[ref], idx)

    def choose(self, node: NodeState) -> Choice | None:
        """What this node's free slot shall do: short kinds first, then the tenant that had least, by priority and age."""
        for kind, queue in (("inspect", self.inspections), ("assemble", self.assembling)):
            if queue:
                tenant, subject = next(iter(queue))
                del queue[tenant, subject]
                return Choice(kind, tenant, subject)
        waiting = [tenant for tenant, jobs in self._queues.items() if jobs]
        for tenant in sorted(waiting, key=lambda t: (self._spent.get(t, 0.0), self._served.get(t, 0))):
            choice = self._choose_job(node, tenant)
            if choice is not None:
                return choice
        return None

    def _choose_job(self, node: NodeState, tenant: UUID) -> Choice | None:
        queue, passed = self._queues[tenant], []
        choice = None
        while queue and choice is None:
            entry = heapq.heappop(queue)
            job = self.jobs.get(entry[2])
            if job is None:
                continue
            if job.builds != node.builds:
                passed.append(entry)
                continue
            choice = self._take(job)
            if job.waiting:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(queue, entry)
        return choice

    def _take(self, job: JobState) -> Choice | None:
        """The next run of waiting segments, as long as a part should be."""
        tenant, length = job.ref[0], self._length(job)
        run: list[int] = []
        while job.waiting and len(run) < length:
            idx = job.waiting[0]
            key = job.keys.get(idx)
            if run and idx != run[-1] + 1 and idx != run[-1]:
                break
            heapq.heappop(job.waiting)
            if key is not None and (tenant, key) not in self.drawing and (not run or idx != run[-1]):
                run.append(idx)
        if not run:
            return None
        keys = tuple(dict.fromkeys(job.keys[idx] for idx in run))
        self.drawing.update((tenant, key) for key in keys)
        self._spent[tenant] = self._spent.get(tenant, 0.0) + job.seconds * len(keys)
        self._choices += 1
        self._served[tenant] = self._choices
        return Choice("render", tenant, job.ref[1], run[0], run[-1] - run[0] + 1, keys)

    def _length(self, job: JobState) -> int:
        """Some seconds of work, and less towards the end, so that a job's last parts end together."""
        slots = sum(node.slots for node in self.nodes.values() if node.builds == job.builds) or 1
        share = math.ceil(len(job.waiting) / slots) if len(job.waiting) <= 2 * slots else math.ceil(len(job.waiting) / (2 * slots))
        return max(1, min(MOST_SEGMENTS, round(PART_SECONDS / max(job.seconds, 0.01)), share))

    def give_back(self, choice: Choice) -> None:
        """A choice that was not carried out waits again."""
        ref = (choice.tenant, choice.subject)
        if choice.kind == "inspect":
            self.inspections[ref] = None
        elif choice.kind == "assemble" and ref in self.jobs:
            self.assembling[ref] = None
        for key in choice.keys:
            self.segment_back(choice.tenant, key)
