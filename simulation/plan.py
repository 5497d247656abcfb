"""What happens in a simulation: tenants, their jobs, how fast nodes draw and how they fail. All of it follows from a seed."""

import random
from collections.abc import Sequence
from uuid import UUID

import msgspec

from contracts.envelope import derived_id

NAMESPACE = UUID("5f1d4f4e-51a1-4b5c-9b7a-3f7d2c1e0a99")


class TenantPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant and its share of the farm."""

    name: str
    tenant_id: UUID
    weight: int = 1
    max_slots: int = 10_000


class JobPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A job: `segments` of one frame each, which take `seconds` each on a node; submitted `at` seconds after the start."""

    name: str
    tenant: int  # position in the plan's tenants
    job_id: UUID
    template: str = ""  # the jobs of a template are known to take alike; empty: one of its own
    segments: int
    seconds: float
    at: float = 0.0
    priority: int = 50


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A whole simulation. `speed` compresses drawing: a node waits seconds / speed and reports the full seconds."""

    seed: int
    nodes: int
    slots: int
    speed: float
    lasts: float  # seconds after which it is ended, done or not
    tenants: tuple[TenantPlan, ...]
    jobs: tuple[JobPlan, ...]
    crashes: float = 0.0  # share of parts in which an engine is killed
    deaths: float = 0.0  # deaths of a node per node and minute
    spread: float = 0.0  # of drawing times: standard deviation of their logarithm
    drains: bool = True  # whether it ends when all jobs have ended

    def identity(self, name: str) -> UUID:
        """An id that the seed alone decides."""
        return derived_id(NAMESPACE, f"{self.seed} {name}")


def tenants(seed: int, weights: Sequence[int], max_slots: int = 10_000) -> tuple[TenantPlan, ...]:
    """One tenant for each weight."""
    return tuple(
        TenantPlan(name=f"tenant {number}", tenant_id=derived_id(NAMESPACE, f"{seed} tenant {number}"), weight=weight, max_slots=max_slots)
        for number, weight in enumerate(weights, 1)
    )


def jobs(
    seed: int, tenant: int, count: int, segments: int, seconds: float, *, over: float = 0.0, template: str = ""
) -> tuple[JobPlan, ...]:
    """Equal jobs of a tenant, submitted at random moments of the first `over` seconds."""
    chance = random.Random(f"{seed} {tenant} {count} {segments}")
    return tuple(
        JobPlan(
            name=f"{tenant}.{segments}.{number}",
            tenant=tenant,
            job_id=derived_id(NAMESPACE, f"{seed} job {tenant} {segments} {number}"),
            template=template,
            segments=segments,
            seconds=seconds,
            at=chance.uniform(0, over) if over else 0.0,
        )
        for number in range(count)
    )
