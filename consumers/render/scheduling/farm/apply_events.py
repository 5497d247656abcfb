"""How committed events change the scheduler's picture: one small function for each type."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from consumers.render.kinds import KINDS
from consumers.render.leases.kind import Kind, Queue
from consumers.render.scheduling.farm.farm import Farm
from consumers.render.scheduling.farm.states import NodeState, PartState
from contracts.envelope import Envelope
from contracts.identity.tenants import TenantCreated, TenantLimitsChanged
from contracts.render.enrolment import NodeRevoked
from contracts.render.jobs import (
    JobAssembling,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPaused,
    JobPlanned,
    JobRescheduled,
    JobResumed,
    JobSubmitted,
)
from contracts.render.nodes import NodeLeft, NodeLost, NodeRegistered, NodeSteered
from contracts.render.parts import PartAssigned, PartEnded
from contracts.render.repairs import JobSetBack, RepairAssembling, RepairEnded, RepairRequested
from contracts.render.segments import SegmentsPlanned, SegmentVerified
from contracts.render.shares import ShareLearned

Change = Callable[[Farm, Any, UUID, float], None]


def apply(farm: Farm, event: Any, envelope: Envelope, now: float) -> None:
    """Apply one event; types that do not matter here are passed over."""
    change = _CHANGES.get(type(event))
    if change is not None:
        change(farm, event, envelope.tenant, now)
    if isinstance(event, JobSubmitted):
        job = farm.jobs[envelope.tenant, event.job_id]
        job.correlation, job.cause = envelope.correlation, envelope.id


def _submitted(farm: Farm, event: JobSubmitted, tenant: UUID, now: float) -> None:
    job = farm.add_job((tenant, event.job_id), event.priority)
    job.deadline, job.needs = event.deadline, event.needs
    job.bundles = tuple(sorted({scene.bundle for scene in event.spec.scenes}))
    farm.unplanned[tenant, event.job_id] = None


def _planned(farm: Farm, event: JobPlanned, tenant: UUID, now: float) -> None:
    farm.plan(farm.jobs[tenant, event.job_id], (event.engine_build, event.encoder_build))


def _segments(farm: Farm, event: SegmentsPlanned, tenant: UUID, now: float) -> None:
    done = set(event.done)
    for idx, segment in enumerate(event.segments, event.offset):
        if idx not in done:
            farm.add_segment((tenant, event.job_id), idx, segment.key, segment.count)


def _assembling(farm: Farm, event: JobAssembling, tenant: UUID, now: float) -> None:
    farm.assemble((tenant, event.job_id))


def _job_ended(farm: Farm, event: JobCompleted | JobFailed | JobCancelled, tenant: UUID, now: float) -> None:
    farm.drop_job((tenant, event.job_id))


def _paused(farm: Farm, event: JobPaused | JobResumed, tenant: UUID, now: float) -> None:
    if (job := farm.jobs.get((tenant, event.job_id))) is not None:
        job.paused = isinstance(event, JobPaused)
        farm.requeue(job)


def _rescheduled(farm: Farm, event: JobRescheduled, tenant: UUID, now: float) -> None:
    if (job := farm.jobs.get((tenant, event.job_id))) is not None:
        job.priority, job.deadline = event.priority, event.deadline
        farm.requeue(job)


def _assigned(farm: Farm, event: PartAssigned, tenant: UUID, now: float) -> None:
    asked = farm.parts.get(event.part_id)
    if asked is not None and asked.keys == event.keys:  # as it was chosen, so that it has its slot already
        asked.since, asked.confirmed = now, True
        return
    part = PartState(event.part_id, tenant, event.node_id, event.node_epoch, event.kind, event.subject_id, event.keys, now, True)
    part.expected = asked.expected if asked else 0.0
    farm.occupy(part)


def _part_ended(farm: Farm, event: PartEnded, tenant: UUID, now: float) -> None:
    lost = event.end == "expired"  # a tenant does not pay for a node's silence
    part = farm.vacate(event.part_id, None if lost else now)
    if lost and part is not None:
        farm.tenants.charge(part.tenant, -part.expected)
    for key in event.returned:
        if event.avoid:
            farm.avoid[tenant, key] = farm.avoid.get((tenant, key), frozenset()) | {event.node_id}
        farm.back_later(now + event.retry_after, event.kind, tenant, key)
    if part is not None and not part.keys and event.end != "done":  # what is no run of segments waits again as a whole
        farm.back_later(now + event.retry_after, event.kind, tenant, event.subject_id)
    farm.bring_back(now)


def _verified(farm: Farm, event: SegmentVerified, tenant: UUID, now: float) -> None:
    farm.segment_done(tenant, event.key, event.seconds)
    if event.ends:
        farm.vacate(event.part_id, now)


def _set_back(farm: Farm, event: JobSetBack, tenant: UUID, now: float) -> None:
    farm.drawing.difference_update((tenant, one.key) for one in event.waiting)
    farm.set_back((tenant, event.job_id), ((one.idx, one.key, one.frames) for one in event.waiting))


def _repair(farm: Farm, event: RepairRequested, tenant: UUID, now: float) -> None:
    if event.redrawing is not None:
        waiting = ((one.idx, one.key, one.frames) for one in event.before)
        farm.drawing.difference_update((tenant, one.key) for one in event.before)
        farm.add_repair((tenant, event.job_id), event.repair_id, event.redrawing, waiting)


def _joining(farm: Farm, event: RepairAssembling, tenant: UUID, now: float) -> None:
    farm.assemble((tenant, event.job_id))


def _repaired(farm: Farm, event: RepairEnded, tenant: UUID, now: float) -> None:
    farm.drop_repair((tenant, event.job_id), event.repair_id)
    for key in event.restored:
        farm.segment_done(tenant, key, 0.0)


def _registered(farm: Farm, event: NodeRegistered, tenant: UUID, now: float) -> None:
    builds = (event.engine_build, event.encoder_build)
    node = NodeState(event.node_id, event.name, event.epoch, event.slots, builds, now, event.capabilities)
    node.hold(reversed(event.bundles))
    farm.add_node(node)


def _gone(farm: Farm, event: NodeLost | NodeLeft | NodeRevoked, tenant: UUID, now: float) -> None:
    farm.drop_node(event.node_id)


def _steered(farm: Farm, event: NodeSteered, tenant: UUID, now: float) -> None:
    farm.steer(event.node_id, event.service)


def _shared(farm: Farm, event: ShareLearned | TenantCreated | TenantLimitsChanged, tenant: UUID, now: float) -> None:
    farm.tenants.share(tenant, event.render_weight, event.max_slots)


def of_queue(kind: Kind, queue: Queue) -> dict[type, Change]:
    """A short kind's work waits from one event on until another, given out in between."""
    [subject] = queue.table.key

    def begins(farm: Farm, event: Any, tenant: UUID, now: float) -> None:
        farm.short.add(kind.name, tenant, getattr(event, subject))

    def ends(farm: Farm, event: Any, tenant: UUID, now: float) -> None:
        farm.short.drop(kind.name, tenant, getattr(event, subject))

    return {queue.begins: begins} | dict.fromkeys(queue.ends, ends)


_CHANGES: dict[type, Change] = {
    JobSubmitted: _submitted,
    JobPlanned: _planned,
    SegmentsPlanned: _segments,
    JobAssembling: _assembling,
    JobCompleted: _job_ended,
    JobFailed: _job_ended,
    JobPaused: _paused,
    JobResumed: _paused,
    JobRescheduled: _rescheduled,
    JobCancelled: _job_ended,
    PartAssigned: _assigned,
    PartEnded: _part_ended,
    SegmentVerified: _verified,
    JobSetBack: _set_back,
    RepairRequested: _repair,
    RepairAssembling: _joining,
    RepairEnded: _repaired,
    NodeRegistered: _registered,
    NodeLost: _gone,
    NodeLeft: _gone,
    NodeRevoked: _gone,
    NodeSteered: _steered,
    ShareLearned: _shared,
    TenantCreated: _shared,
    TenantLimitsChanged: _shared,
}
for _kind in KINDS.values():
    _CHANGES |= of_queue(_kind, _kind.queue) if _kind.queue is not None else {}
