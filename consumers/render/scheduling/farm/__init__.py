"""The scheduler's picture of the farm, kept in memory from committed events: who offers slots, what waits, and what goes where."""

from consumers.render.scheduling.farm.farm import Farm
from consumers.render.scheduling.farm.part_sizing import PART_SECONDS
from consumers.render.scheduling.farm.states import Choice, JobState, NodeState, Offer, PartState, Ref, SegmentRef

__all__ = ["PART_SECONDS", "Choice", "Farm", "JobState", "NodeState", "Offer", "PartState", "Ref", "SegmentRef"]
