"""How committed events change the scheduler's picture: one small function for each type."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from consumers.render.farm import Farm, NodeState, PartState
from contracts.farm import NodeLeft, NodeLost, NodeRegistered
from contracts.render import (
    InspectionEnded,
    InspectionRequested,
    JobAssembling,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobPlanned,
    JobSubmitted,
    PartAssigned,
    PartEnded,
    SegmentsPlanned,
    SegmentVerified,
)


def watch(farm: Farm, event: Any, tenant: UUID, now: float) -> None:
    """Apply one event; types that do not matter here are passed over."""
    change = _CHANGES.get(type(event))
    if change is not None:
        change(farm, event, tenant, now)


def _submitted(farm: Farm, event: JobSubmitted, tenant: UUID, now: float) -> None:
    farm.add_job((tenant, event.job_id), event.priority)
    farm.unplanned[tenant, event.job_id] = None


def _planned(farm: Farm, event: JobPlanned, tenant: UUID, now: float) -> None:
    farm.unplanned.pop((tenant, event.job_id), None)
    farm.jobs[tenant, event.job_id].builds = (event.engine_build, event.encoder_build)


def _segments(farm: Farm, event: SegmentsPlanned, tenant: UUID, now: float) -> None:
    done = set(event.done)
    for idx, segment in enumerate(event.segments, event.offset):
        if idx not in done:
            farm.add_segment((tenant, event.job_id), idx, segment.key)


def _assembling(farm: Farm, event: JobAssembling, tenant: UUID, now: float) -> None:
    farm.assembling[tenant, event.job_id] = None


def _job_ended(farm: Farm, event: JobCompleted | JobFailed | JobCancelled, tenant: UUID, now: float) -> None:
    farm.drop_job((tenant, event.job_id))


def _assigned(farm: Farm, event: PartAssigned, tenant: UUID, now: float) -> None:
    part = PartState(event.part_id, tenant, event.node_id, event.node_epoch, event.kind, event.subject_id, event.keys, now, True)
    farm.parts[event.part_id] = part
    farm.drawing.update((tenant, key) for key in event.keys)
    node = farm.nodes.get(event.node_id)
    if node is not None:
        node.busy.add(event.part_id)


def _part_ended(farm: Farm, event: PartEnded, tenant: UUID, now: float) -> None:
    part = farm.parts.pop(event.part_id, None)
    node = farm.nodes.get(event.node_id)
    if node is not None:
        node.busy.discard(event.part_id)
    for key in event.returned:
        farm.segment_back(tenant, key)
    ref = (tenant, event.subject_id)
    if event.end == "done" or part is None:
        return
    if event.kind == "inspect":
        farm.inspections[ref] = None
    if event.kind == "assemble" and ref in farm.jobs:
        farm.assembling[ref] = None


def _verified(farm: Farm, event: SegmentVerified, tenant: UUID, now: float) -> None:
    farm.segment_done(tenant, event.key, event.seconds)


def _requested(farm: Farm, event: InspectionRequested, tenant: UUID, now: float) -> None:
    farm.inspections[tenant, event.file_id] = None


def _inspected(farm: Farm, event: InspectionEnded, tenant: UUID, now: float) -> None:
    farm.inspections.pop((tenant, event.file_id), None)


def _registered(farm: Farm, event: NodeRegistered, tenant: UUID, now: float) -> None:
    builds = (event.engine_build, event.encoder_build)
    farm.nodes[event.node_id] = NodeState(event.node_id, event.name, event.epoch, event.slots, builds, now)


def _gone(farm: Farm, event: NodeLost | NodeLeft, tenant: UUID, now: float) -> None:
    farm.nodes.pop(event.node_id, None)


_CHANGES: dict[type, Callable[[Farm, Any, UUID, float], None]] = {
    JobSubmitted: _submitted,
    JobPlanned: _planned,
    SegmentsPlanned: _segments,
    JobAssembling: _assembling,
    JobCompleted: _job_ended,
    JobFailed: _job_ended,
    JobCancelled: _job_ended,
    PartAssigned: _assigned,
    PartEnded: _part_ended,
    SegmentVerified: _verified,
    InspectionRequested: _requested,
    InspectionEnded: _inspected,
    NodeRegistered: _registered,
    NodeLost: _gone,
    NodeLeft: _gone,
}
