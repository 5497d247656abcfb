"""What a recorder has: utilisation, waiting, fairness, assignments a second, and where the time goes."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from statistics import median
from uuid import UUID

import msgspec

from simulation.plan import Plan
from simulation.recorder import PartTimes, Recorder

NAMES = ("queued", "to the node", "drawing", "to the log")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one simulation; times in seconds."""

    parts: int
    assignments_per_second: float  # parts that were assigned and done, over the busy window from the planning of its first jobs on
    utilisation: float  # share of slots at work while something was queued
    window: float  # how long something was queued
    fairness: float  # Jain's index of the tenants' weighted shares while all of them had work queued
    shares: dict[str, float]  # slot seconds of each tenant in that time, divided by its weight
    waits: dict[str, list[float]]  # of each tenant's jobs, from submitted to started
    stages: dict[str, float]  # median seconds that a part spends in each stage
    twice: int  # segments that were accepted more than once
    unfinished: int  # jobs
    failed: int


def figures(plan: Plan, recorder: Recorder) -> Figures:
    """All figures."""
    parts = [part for part in recorder.parts.values() if part.kind != "inspect"]
    done = [part for part in parts if part.end == "done"]
    start, end = busy_window(parts)
    # Planning the jobs that all come at once, a thousand segments each, is not assigning.
    settled = max([start, *(recorder.planned.get(job.job_id, start) for job in plan.jobs if not job.at)])
    inside = [part for part in done if settled <= part.ended <= end] or done
    names = {tenant.tenant_id: tenant.name for tenant in plan.tenants}
    shares = weighted_shares(plan, parts)
    waits: dict[str, list[float]] = {name: [] for name in names.values()}
    for job in recorder.jobs.values():
        if job.started and job.tenant in names:
            waits[names[job.tenant]].append(job.started - job.submitted)
    return Figures(
        parts=len(done),
        assignments_per_second=len(inside) / max(end - settled, 1e-9),
        utilisation=work_between(parts, start, end) / max((end - start) * plan.nodes * plan.slots, 1e-9),
        window=end - start,
        fairness=jain(list(shares.values())),
        shares={names[tenant]: share for tenant, share in shares.items()},
        waits=waits,
        stages=stages(done, recorder),
        twice=sum(count - 1 for count in recorder.verified.values()),
        unfinished=sum(1 for job in plan.jobs if not ((seen := recorder.jobs.get(job.job_id)) and seen.ended)),
        failed=sum(1 for job in recorder.jobs.values() if job.state == "failed"),
    )


def busy_window(parts: Iterable[PartTimes]) -> tuple[float, float]:
    """From the first part's beginning to the last assignment of a part to be drawn: in that time something was queued."""
    drawn = [part for part in parts if part.kind == "render"]
    begun = min((part.begun for part in drawn if part.begun), default=0.0)
    return begun, max((part.assigned for part in drawn), default=begun)


def work_between(parts: Iterable[PartTimes], start: float, end: float) -> float:
    """Slot seconds in which nodes were at work between two moments."""
    return sum(max(0.0, min(part.drawn or end, end) - max(part.begun, start)) for part in parts if part.begun)


def weighted_shares(plan: Plan, parts: list[PartTimes]) -> dict[UUID, float]:
    """Each tenant's slot seconds by its weight, up to the moment when the first of them has nothing queued any more.

    Only of those that had work from the beginning: a latecomer with one small job has no claim on a share of the time before.
    """
    late = {plan.tenants[job.tenant].tenant_id for job in plan.jobs if job.at > 0}
    last: dict[UUID, float] = {}
    for part in parts:
        if part.kind == "render":
            last[part.tenant] = max(last.get(part.tenant, 0.0), part.assigned)
    weights = {tenant.tenant_id: tenant.weight for tenant in plan.tenants if tenant.tenant_id in last.keys() - late}
    start, end = busy_window(parts)[0], min((last[tenant] for tenant in weights), default=0.0)
    return {tenant: work_between([p for p in parts if p.tenant == tenant], start, end) / weight for tenant, weight in weights.items()}


def jain(values: list[float]) -> float:
    """Jain's fairness index: 1 when all are equal, 1/n when one has everything (Jain, Chiu, Hawe 1984)."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def stages(done: list[PartTimes], recorder: Recorder) -> dict[str, float]:
    """The median part's way: queued since its job was there, to its node, drawing, and until its end was decided."""
    seen = [part for part in done if part.begun and part.drawn]
    lengths = [
        [max(0.0, part.assigned - recorder.jobs[part.job].submitted) for part in seen if part.job in recorder.jobs],
        [part.begun - part.assigned for part in seen],
        [part.drawn - part.begun for part in seen],
        [part.ended - part.drawn for part in seen],
    ]
    return {name: median(values) if values else 0.0 for name, values in zip(NAMES, lengths, strict=True)}


def per_second(moments: Iterable[float], start: float, end: float, step: float = 1.0) -> tuple[list[float], list[float]]:
    """How many moments lie in each step: (seconds since the start, rate)."""
    counts = Counter(int((moment - start) / step) for moment in moments if start <= moment <= end)
    steps = range(max(1, int((end - start) / step)))
    return [step * at for at in steps], [counts[at] / step for at in steps]


def at_work(parts: Iterable[PartTimes], moments: list[float]) -> list[int]:
    """How many parts were being drawn at each moment."""
    begun = sorted(part.begun for part in parts if part.begun)
    ended = sorted(part.drawn for part in parts if part.begun and part.drawn)
    return [bisect_right(begun, moment) - bisect_right(ended, moment) for moment in moments]
