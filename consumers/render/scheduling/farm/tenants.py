"""Weighted fair sharing between tenants: who had least of the farm, by its weight, is served next; start-time fair queueing.

After Goyal, Vin and Cheng, "Start-time Fair Queueing" (SIGCOMM 1996), with slot seconds for bytes.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec

from consumers.render.scheduling.farm.states import JobState, Place, Ref, Want

WEIGHT, MOST_SLOTS = 1, 64  # of a tenant whose share is not known yet
Entry = tuple[float, int, UUID]  # virtual time, when it was served last, the tenant


class TenantState(msgspec.Struct):
    """A tenant's claim and what waits of it."""

    tenant: UUID
    weight: int = WEIGHT
    max_slots: int = MOST_SLOTS
    used: int = 0  # long slots that it occupies
    time: float = 0.0  # its virtual time: slot seconds that it was given, by its weight
    served: int = 0
    queues: dict[Want, list[tuple[Place, Ref]]] = msgspec.field(default_factory=dict)
    assembling: dict[Ref, None] = msgspec.field(default_factory=dict)
    entry: Entry | None = None  # its place among the tenants; None = it waits for nothing, or may have no more slots

    @property
    def has_work(self) -> bool:
        """Whether anything may wait."""
        return bool(self.assembling or self.queues)


class Tenants:
    """All tenants with something waiting, least served first."""

    def __init__(self) -> None:
        self._all: dict[UUID, TenantState] = {}
        self._heap: list[Entry] = []
        self._passed: list[UUID] = []  # of this round: nothing of theirs fits a free slot
        self._now = 0.0  # virtual time of the latest service
        self._turns = 0

    def of(self, tenant: UUID) -> TenantState:
        """A tenant, known or not."""
        found = self._all.get(tenant)
        if found is None:
            found = self._all[tenant] = TenantState(tenant)
        return found

    def share(self, tenant: UUID, weight: int, max_slots: int) -> None:
        """A tenant's share changed."""
        state = self.of(tenant)
        state.weight, state.max_slots = weight, max_slots
        self._enter(state)

    def queue(self, job: JobState) -> None:
        """A job has something to give out, or another place."""
        if (want := job.want) is not None and job.open:
            state = self.of(job.ref[0])
            heapq.heappush(state.queues.setdefault(want, []), (job.place, job.ref))
            self._enter(state)

    def unqueue(self, job: JobState) -> None:
        """A job is to be drawn otherwise, or not at all; where it has a place still, that is no place of an open job."""
        if (want := job.want) is not None and (queue := self.of(job.ref[0]).queues.get(want)):
            queue[:] = [entry for entry in queue if entry[1] != job.ref]
            heapq.heapify(queue)

    def assemble(self, ref: Ref) -> None:
        """A job's export waits to be joined."""
        state = self.of(ref[0])
        state.assembling[ref] = None
        self._enter(state)

    def occupied(self, tenant: UUID, slots: int) -> None:
        """A tenant got (or lost, when negative) long slots."""
        state = self.of(tenant)
        state.used += slots
        if slots < 0:
            self._enter(state)

    def charge(self, tenant: UUID, seconds: float) -> None:
        """Slot seconds that a tenant was given; negative when it was charged too much before."""
        state = self.of(tenant)
        state.time += seconds / state.weight
        if seconds < 0 and state.entry is not None:
            self._push(state)

    def _enter(self, state: TenantState) -> None:
        if state.entry is None and state.has_work and state.used < state.max_slots:
            # An idle tenant must not have saved up a claim on the whole farm.
            state.time = max(state.time, self._now) if not state.used else state.time
            self._push(state)

    def _push(self, state: TenantState) -> None:
        state.entry = state.time, state.served, state.tenant
        heapq.heappush(self._heap, state.entry)

    @contextmanager
    def round(self) -> Iterator[None]:
        """Within it a tenant that was passed over once is not asked again."""
        try:
            yield
        finally:
            for tenant in self._passed:
                self._push(self._all[tenant])
            self._passed.clear()

    def least_served(self) -> TenantState | None:
        """The tenant whose turn it is; it stays first until it is `served` or `passed`."""
        while self._heap:
            state = self._all[self._heap[0][2]]
            if state.entry != self._heap[0]:
                heapq.heappop(self._heap)
            elif not state.has_work or state.used >= state.max_slots:
                heapq.heappop(self._heap)
                state.entry = None
            elif state.entry[0] < state.time:  # it was charged meanwhile
                heapq.heappop(self._heap)
                self._push(state)
            else:
                return state
        return None

    def served(self, state: TenantState, seconds: float) -> None:
        """It got something for so many slot seconds."""
        heapq.heappop(self._heap)
        self._now = max(self._now, state.time)
        self._turns += 1
        state.served = self._turns
        self.charge(state.tenant, seconds)
        self._push(state)

    def passed(self, state: TenantState) -> None:
        """Nothing of it fits what is free."""
        heapq.heappop(self._heap)
        self._passed.append(state.tenant)
