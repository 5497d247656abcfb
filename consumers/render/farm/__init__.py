"""The scheduler's picture of the farm, kept in memory from committed events: who offers slots, what waits, and what goes where."""

from consumers.render.farm.farm import Farm
from consumers.render.farm.lengths import PART_SECONDS
from consumers.render.farm.states import SHORT, Choice, JobState, NodeState, Offer, PartState, Ref, SegmentRef

__all__ = ["PART_SECONDS", "SHORT", "Choice", "Farm", "JobState", "NodeState", "Offer", "PartState", "Ref", "SegmentRef"]
