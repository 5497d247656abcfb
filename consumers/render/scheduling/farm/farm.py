"""The farm in memory: what committed events make of it, and what goes to which free slot. Its cost does not grow with the queue."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from consumers.render.kinds import SHORT, exports, segments
from consumers.render.scheduling.farm.free_slots import FreeNodes
from consumers.render.scheduling.farm.part_sizing import Speeds, segments_at_once
from consumers.render.scheduling.farm.short_queue import ShortQueue
from consumers.render.scheduling.farm.states import Choice, JobState, NodeState, PartState, Ref, SegmentRef, Want
from consumers.render.scheduling.farm.tenants import Tenants, TenantState
from contracts.render.parts import PartKind
from contracts.render.repairs import Redrawing

REPAIR_PRIORITY = 101  # of an ended job's repairs: before all jobs of their tenant, whose priorities end at 100
MOST_STRANDED = 200  # jobs that are asked of at once
ASSEMBLY_SECONDS = 2.0  # slot seconds that an export is expected to take
Returned = tuple[float, int, PartKind, UUID, UUID | str]  # due, number, kind, tenant, subject or segment key


class Farm:
    """All of it; rebuilt from the event tables at the start."""

    def __init__(self) -> None:
        self.nodes: dict[UUID, NodeState] = {}
        self.jobs: dict[Ref, JobState] = {}
        self.parts: dict[UUID, PartState] = {}
        self.unplanned: dict[Ref, None] = {}
        self.begun: dict[tuple[str, str], dict[Ref, None]] = {}  # planned jobs by their builds
        self.short = ShortQueue()
        self.users: dict[SegmentRef, list[tuple[Ref, int]]] = {}
        self.drawing: set[SegmentRef] = set()
        self.repairs: dict[Ref, dict[UUID, tuple[int, ...]]] = {}  # of ended jobs: the positions that each has drawn again
        self.avoid: dict[SegmentRef, frozenset[UUID]] = {}  # nodes on which a segment's drawing failed
        self.tenants, self._free, self._speeds = Tenants(), FreeNodes(), Speeds()
        self._later: list[Returned] = []
        self._orders = 0

    # Nodes and leases

    def add_node(self, node: NodeState) -> None:
        """A node registered; its earlier registration is over."""
        self.drop_node(node.node_id)
        self.nodes[node.node_id] = node
        self._free.update(node)

    def drop_node(self, node_id: UUID) -> None:
        """A node offers nothing any more."""
        node = self.nodes.pop(node_id, None)
        if node is not None:
            self._free.remove(node)

    def steer(self, node_id: UUID, service: str) -> None:
        """Whether a node is given work changed."""
        if (node := self.nodes.get(node_id)) is not None:
            node.service = service  # type: ignore[assignment]
            self._free.update(node)

    def occupy(self, part: PartState) -> None:
        """A part takes its node's slot."""
        before, self.parts[part.part_id] = self.parts.get(part.part_id), part
        self.drawing.update((part.tenant, key) for key in part.keys)
        if before is None and part.kind not in SHORT:
            self.tenants.occupied(part.tenant, 1)
        node = self.nodes.get(part.node_id)
        if node is not None and node.epoch == part.node_epoch:
            (node.short if part.kind in SHORT else node.busy).add(part.part_id)
            job = self.jobs.get((part.tenant, part.subject))
            node.hold(job.bundles if job else ())
            self._free.update(node)

    def vacate(self, part_id: UUID, now: float | None = None) -> PartState | None:
        """A part is over; with `now` its tenant pays what it took instead of what was expected."""
        part = self.parts.pop(part_id, None)
        if part is None:
            return None
        if part.kind not in SHORT:
            self.tenants.occupied(part.tenant, -1)
            if now is not None and part.expected:
                self.tenants.charge(part.tenant, now - part.since - part.expected)
        node = self.nodes.get(part.node_id)
        if node is not None:
            node.busy.discard(part_id)
            node.short.discard(part_id)
            self._free.update(node)
        return part

    # Jobs

    def add_job(self, ref: Ref, priority: int) -> JobState:
        """A job that may still draw something."""
        self._orders += 1
        job = self.jobs[ref] = JobState(ref, priority, self._orders)
        return job

    def plan(self, job: JobState, builds: tuple[str, str]) -> None:
        """A job was planned for these builds; what it waited for with others is forgotten."""
        self.unplanned.pop(job.ref, None)
        if job.builds is not None:
            self.tenants.unqueue(job)
            self._unplan(job)
            job.waiting.clear()
        job.builds = builds
        self.begun.setdefault(builds, {})[job.ref] = None

    def _unplan(self, job: JobState) -> None:
        same = self.begun.get(job.builds, {}) if job.builds is not None else {}
        same.pop(job.ref, None)
        if not same and job.builds is not None:
            self.begun.pop(job.builds, None)
        for idx in list(job.keys):
            self._forget(job, idx)

    def stranded(self) -> Iterator[Ref]:
        """Jobs with builds that no node has, while nodes with others are there; those that come first come last the next time."""
        offered = {node.builds for node in self.nodes.values()}
        for builds, same in list(self.begun.items()) if offered else ():
            if builds not in offered:
                for ref in list(islice(same, MOST_STRANDED)):
                    del same[ref]
                    same[ref] = None
                    yield ref

    def requeue(self, job: JobState) -> None:
        """A job was planned, resumed, or moved in its tenant's queue."""
        self.tenants.queue(job)

    def add_segment(self, ref: Ref, idx: int, key: str, frames: int = 1) -> None:
        """One position of a job that is not done."""
        job = self.jobs[ref]
        job.keys[idx], job.frames[idx] = key, frames
        self.users.setdefault((ref[0], key), []).append((ref, idx))
        if (ref[0], key) not in self.drawing:
            self._wait(job, idx)

    def _wait(self, job: JobState, idx: int) -> None:
        was_open = job.open
        if (job.ref[0], job.keys[idx]) in self.avoid:
            job.picky[idx] = None
        else:
            heapq.heappush(job.waiting, idx)
        if not was_open:
            self.tenants.queue(job)

    def drop_job(self, ref: Ref) -> None:
        """A job that ended."""
        job = self.jobs.pop(ref, None)
        self.unplanned.pop(ref, None)
        self.repairs.pop(ref, None)
        self.tenants.of(ref[0]).assembling.pop(ref, None)
        if job is not None:
            self._unplan(job)

    def _forget(self, job: JobState, idx: int) -> None:
        """A job does not need a position of its own any more."""
        tenant, key = job.ref[0], job.keys.pop(idx, None)
        job.frames.pop(idx, None)
        job.picky.pop(idx, None)
        users = self.users.get((tenant, key)) if key is not None else None
        if key is not None and users is not None:
            users.remove((job.ref, idx))
            if not users:
                del self.users[tenant, key]
                self.avoid.pop((tenant, key), None)

    def segment_done(self, tenant: UUID, key: str, seconds: float) -> None:
        """A segment was verified: nobody waits for it any more."""
        self.drawing.discard((tenant, key))
        self.avoid.pop((tenant, key), None)
        for ref, idx in self.users.pop((tenant, key), ()):
            job = self.jobs[ref]
            job.keys.pop(idx, None)
            job.picky.pop(idx, None)
            self._speeds.measured(job, job.frames.pop(idx, 0), seconds)

    def segment_back(self, tenant: UUID, key: str) -> None:
        """A segment waits again, for every job that needs it."""
        self.drawing.discard((tenant, key))
        for ref, idx in self.users.get((tenant, key), ()):
            self._wait(self.jobs[ref], idx)

    def assemble(self, ref: Ref) -> None:
        """A job's segments are all there; nothing is joined while one of them is drawn again."""
        if (job := self.jobs.get(ref)) is not None and not job.keys:
            self.tenants.assemble(ref)

    # What is drawn again

    def set_back(self, ref: Ref, waiting: Iterable[tuple[int, str, int]]) -> None:
        """Positions of a job (with key and frames) that were done are not any more."""
        if ref in self.jobs:
            self._unjoin(ref)
            for idx, key, frames in waiting:
                self.avoid.pop((ref[0], key), None)
                self.add_segment(ref, idx, key, frames)

    def add_repair(self, ref: Ref, repair_id: UUID, redrawing: Redrawing, waiting: Iterable[tuple[int, str, int]]) -> None:
        """Positions of an ended job (with key and frames) are to be drawn again, before all else of its tenant."""
        job = self.jobs.get(ref)
        if job is None:
            job = self.add_job(ref, REPAIR_PRIORITY)
            job.builds, job.needs = (redrawing.engine_build, redrawing.encoder_build), redrawing.needs
            job.bundles, job.correlation = redrawing.bundles, redrawing.correlation
        positions = tuple(waiting)
        self.repairs.setdefault(ref, {})[repair_id] = tuple(idx for idx, _, _ in positions)
        self.set_back(ref, positions)

    def drop_repair(self, ref: Ref, repair_id: UUID) -> None:
        """A repair of an ended job is over; with its last one the job is."""
        repairs = self.repairs.get(ref, {})
        for idx in repairs.pop(repair_id, ()):
            self._forget(self.jobs[ref], idx)
        if ref in self.repairs and not repairs:
            self.drop_job(ref)

    def _unjoin(self, ref: Ref) -> None:
        self.tenants.of(ref[0]).assembling.pop(ref, None)
        self._later = [entry for entry in self._later if (entry[2], entry[3:]) != (exports.KIND.name, ref)]
        heapq.heapify(self._later)

    # What failed waits a while

    def back_later(self, due: float, kind: PartKind, tenant: UUID, subject: UUID | str) -> None:
        """A segment (by its key), short work or an assembly waits again from `due` on."""
        self._orders += 1
        heapq.heappush(self._later, (due, self._orders, kind, tenant, subject))

    def bring_back(self, now: float) -> float | None:
        """Queue what is due; answers when the next is."""
        while self._later and self._later[0][0] <= now:
            _, _, kind, tenant, subject = heapq.heappop(self._later)
            self.give_back_one(kind, tenant, subject)
        return self._later[0][0] if self._later else None

    def give_back_one(self, kind: PartKind, tenant: UUID, subject: UUID | str) -> None:
        """A segment, short work or an assembly waits again."""
        if isinstance(subject, str):
            self.segment_back(tenant, subject)
        elif kind in SHORT:
            self.short.add(kind, tenant, subject)
        else:
            self.assemble((tenant, subject))

    def give_back(self, choice: Choice) -> None:
        """A choice that was not carried out waits again."""
        for subject in choice.keys or (choice.subject,):
            self.give_back_one(choice.kind, choice.tenant, subject)

    # Choosing

    def choices(self) -> Iterator[tuple[NodeState, Choice]]:
        """What goes where now; each must be `occupied` before the next is asked for."""
        while (node := self._free.any_for_short()) is not None and self.short:
            yield node, Choice(*self.short.take())
        with self.tenants.round():
            while self._free.any_for_long() is not None and (state := self.tenants.least_served()) is not None:
                found = self._of(state)
                if found is None:
                    self.tenants.passed(state)
                else:
                    self.tenants.served(state, found[1].expected)
                    yield found

    def choose(self) -> tuple[NodeState, Choice] | None:
        """The next of `choices`."""
        return next(self.choices(), None)

    def _of(self, state: TenantState) -> tuple[NodeState, Choice] | None:
        if state.assembling and (node := self._free.any_for_long()) is not None:
            ref = next(iter(state.assembling))
            del state.assembling[ref]
            return node, Choice(exports.KIND.name, *ref, expected=ASSEMBLY_SECONDS)
        for job, want in self._heads(state):
            for node in self._free.candidates(want, job.bundles):
                if (choice := self._take(job, want, node)) is not None:
                    return node, choice
        return None

    def _heads(self, state: TenantState) -> list[tuple[JobState, Want]]:
        """The first job of each class that has a free node, best first."""
        heads = []
        for want, queue in list(state.queues.items()):
            while queue and not self._is_first(queue[0]):
                heapq.heappop(queue)
            if not queue:
                del state.queues[want]
            elif self._free.any_free(want):
                heads.append((queue[0][0], self.jobs[queue[0][1]], want))
        return [(job, want) for _, job, want in sorted(heads, key=lambda head: head[0])]

    def _is_first(self, entry: tuple[tuple[int, float, int], Ref]) -> bool:
        """Whether a queue's entry still stands for its job."""
        job = self.jobs.get(entry[1])
        return job is not None and job.open and job.place == entry[0]

    def _take(self, job: JobState, want: Want, node: NodeState) -> Choice | None:
        """The next run of waiting segments for this node, as long as a part should be."""
        if (picked := self._take_picky(job, want, node)) is not None:
            return picked
        tenant = job.ref[0]
        speed = self._speeds.of(job)
        run: list[int] = []
        length = 0
        while job.waiting and (not run or len(run) < length):
            idx = job.waiting[0]
            key = job.keys.get(idx)
            if run and idx not in (run[-1], run[-1] + 1):
                break
            if not run and key is not None:
                guess = self._speeds.is_guess(job)
                length = segments_at_once(job, speed * job.frames[idx], self._free.slots(want), guess=guess)
            heapq.heappop(job.waiting)
            if key is not None and (tenant, key) not in self.drawing and (not run or idx != run[-1]):
                run.append(idx)
        return self._chosen(job, run, speed) if run else None

    def _take_picky(self, job: JobState, want: Want, node: NodeState) -> Choice | None:
        """A segment that failed on some node, if this is another one or there is no other."""
        tenant = job.ref[0]
        for idx in list(job.picky):
            ref = (tenant, job.keys[idx])
            if ref in self.drawing:
                del job.picky[idx]
                continue
            avoided = self.avoid.get(ref, frozenset())
            if node.node_id not in avoided or not self._free.others(want, avoided):
                del job.picky[idx]
                return self._chosen(job, [idx], self._speeds.of(job))
        return None

    def _chosen(self, job: JobState, run: list[int], speed: float) -> Choice:
        tenant = job.ref[0]
        places: dict[str, int] = {}
        for idx in run:
            places.setdefault(job.keys[idx], idx)
        self.drawing.update((tenant, key) for key in places)
        expected = speed * sum(job.frames[idx] for idx in run)
        return Choice(segments.KIND.name, tenant, job.ref[1], run[0], run[-1] - run[0] + 1, tuple(places), tuple(places.values()), expected)
