"""The scenarios that can be simulated: what each asks of the farm, and the promise that it is judged by."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import msgspec

from simulation.figures import Figures
from simulation.figures import figures as figures_of
from simulation.plan import JobPlan, Plan, jobs, tenants
from simulation.simulated_farm import SimulatedFarm

PROBES = 40
SMALL_QUEUE, LARGE_QUEUE = 100, 100_000  # parts
START_WITHIN = 20.0  # seconds
JOB = 1000  # segments of a large job


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may choose; None = what the scenario has."""

    seed: int = 1
    nodes: int | None = None
    slots: int | None = None
    weights: tuple[int, ...] | None = None
    crashes: float | None = None
    deaths: float | None = None
    lasts: float | None = None


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One figure and what it has to be."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is what it has to be."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A name, a sentence, the plan, what is done in it, and how it is judged."""

    name: str
    about: str
    plan: Callable[[int], Plan]
    act: Callable[[SimulatedFarm], Awaitable[list[Promise]]]

    def planned(self, options: Options) -> Plan:
        """The plan with the person's choices."""
        plan = self.plan(options.seed)
        chosen = {name: value for name in ("nodes", "slots", "crashes", "deaths", "lasts") if (value := getattr(options, name)) is not None}
        plan = msgspec.structs.replace(plan, **chosen)
        if options.weights is not None:
            made = tenants(options.seed, options.weights)
            spread = tuple(msgspec.structs.replace(job, tenant=number % len(made)) for number, job in enumerate(plan.jobs))
            plan = msgspec.structs.replace(plan, tenants=made, jobs=spread)
        return plan


async def all_jobs(farm: SimulatedFarm) -> Figures:
    """Submit every job of the plan and wait for all of them, or until the plan's time is over."""
    submitting = asyncio.create_task(farm.submit_all())
    try:
        await farm.until_done()
    finally:
        submitting.cancel()
    await farm.read_parts()
    return figures_of(farm.plan, farm.recorder)


def _honest(figures: Figures) -> list[Promise]:
    return [
        Promise(name="segments accepted twice", value=figures.twice, unit="", most=0),
        Promise(name="jobs that did not end", value=figures.unfinished, unit="", most=0),
        Promise(name="jobs that failed", value=figures.failed, unit="", most=0),
    ]


async def _throughput(farm: SimulatedFarm) -> list[Promise]:
    found = await all_jobs(farm)
    return [Promise(name="parts assigned and done", value=found.assignments_per_second, unit="1/s", least=1000), *_honest(found)]


async def _busy(farm: SimulatedFarm) -> list[Promise]:
    found = await all_jobs(farm)
    return [Promise(name="slots at work while work is queued", value=100 * found.utilisation, unit="%", least=95), *_honest(found)]


async def _fair(farm: SimulatedFarm) -> list[Promise]:
    found = await all_jobs(farm)
    newcomer = farm.plan.tenants[-1].name
    part = max(job.seconds for job in farm.plan.jobs) / farm.plan.speed
    return [
        Promise(name="Jain's index of weighted shares", value=found.fairness, unit="", least=0.95),
        Promise(name="wait of a small job behind thousands of parts", value=max(found.waits[newcomer], default=1e9), unit="s", most=part),
        *_honest(found),
    ]


async def _mixed(farm: SimulatedFarm) -> list[Promise]:
    return _honest(await all_jobs(farm))


async def _queue(farm: SimulatedFarm) -> list[Promise]:
    short = await _starts(farm, 0, SMALL_QUEUE)
    long = await _starts(farm, 1, LARGE_QUEUE)
    return [
        Promise(name=f"submit to start behind {SMALL_QUEUE}", value=1000 * short, unit="ms"),
        Promise(name=f"submit to start behind {LARGE_QUEUE:,}", value=1000 * long, unit="ms"),
        Promise(name="the second by the first", value=long / short, unit="", most=1.2),
    ]


async def _starts(farm: SimulatedFarm, phase: int, queued: int) -> float:
    """Fill the queue of the first tenant, whose limit leaves slots free, and let the second submit one small job after the other."""
    plan = farm.plan
    size = min(queued, JOB)
    background = [
        JobPlan(name=f"{phase}.{n}", tenant=0, job_id=plan.identity(f"background {phase} {n}"), segments=size, seconds=3600.0)
        for n in range(queued // size)
    ]
    for job in background:
        await farm.submit(job)
    await _until(lambda: all(job.job_id in farm.recorder.planned for job in background), 300.0)
    waits = []
    for number in range(PROBES):
        probe = JobPlan(name="probe", tenant=1, job_id=plan.identity(f"probe {phase} {number}"), segments=1, seconds=0.1)
        begun = time.time()
        await farm.submit(probe)
        await _until(lambda job=probe.job_id: (seen := farm.recorder.jobs.get(job)) is not None and bool(seen.started), START_WITHIN)  # type: ignore[misc]
        waits.append(farm.recorder.jobs[probe.job_id].started - begun)
        await asyncio.sleep(0.05)
    return median(waits)


async def _until(happened: Callable[[], bool], within: float) -> None:
    give_up = time.time() + within
    while not happened():
        if time.time() > give_up:
            raise TimeoutError(f"it did not come about within {within:.0f} s")
        await asyncio.sleep(0.005)


def _throughput_plan(seed: int) -> Plan:
    work = tuple(job for tenant in range(4) for job in jobs(seed, tenant, 5, JOB, 10.0, template=f"{tenant}"))
    return Plan(seed=seed, nodes=50, slots=32, speed=200.0, lasts=120.0, tenants=tenants(seed, (1, 1, 1, 1)), jobs=work)


def _busy_plan(seed: int) -> Plan:
    work = tuple(job for tenant in range(4) for job in jobs(seed, tenant, 2, JOB, 10.0))
    return Plan(seed=seed, nodes=1000, slots=1, speed=1.0, lasts=180.0, tenants=tenants(seed, (1, 1, 1, 1)), jobs=work)


def _fair_plan(seed: int) -> Plan:
    sizes = ((0, 5, 1000), (1, 50, 20), (2, 10, 100), (3, 2, 500))  # tenant, jobs, segments of each
    work = tuple(job for tenant, count, segments in sizes for job in jobs(seed, tenant, count, segments, 10.0))
    late = JobPlan(name="late", tenant=4, job_id=tenants(seed, (1,))[0].tenant_id, segments=1, seconds=10.0, at=25.0)
    return Plan(seed=seed, nodes=80, slots=1, speed=10.0, lasts=240.0, tenants=tenants(seed, (1,) * 5), jobs=(*work, late), spread=0.2)


def _mixed_plan(seed: int) -> Plan:
    work = tuple(job for tenant in range(4) for job in jobs(seed, tenant, 10, 60, 6.0, over=15.0))
    return Plan(
        seed=seed,
        nodes=60,
        slots=2,
        speed=10.0,
        lasts=240.0,
        tenants=tenants(seed, (1, 1, 2, 4)),
        jobs=work,
        crashes=0.02,
        deaths=0.2,
        spread=0.3,
    )


def _queue_plan(seed: int) -> Plan:
    first, *others = tenants(seed, (1, 1))
    return Plan(
        seed=seed, nodes=50, slots=1, speed=1.0, lasts=600.0, tenants=(msgspec.structs.replace(first, max_slots=40), *others), jobs=()
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="throughput", about="parts of 50 ms: how many are done a second", plan=_throughput_plan, act=_throughput),
        Scenario(name="busy", about="parts of 10 s: how much of their time the nodes work", plan=_busy_plan, act=_busy),
        Scenario(name="fair", about="equal tenants with unequal jobs, and a newcomer", plan=_fair_plan, act=_fair),
        Scenario(name="queue", about="submit to start behind 100 and behind 100,000 queued parts", plan=_queue_plan, act=_queue),
        Scenario(name="mixed", about="unequal weights; engines that crash and nodes that die", plan=_mixed_plan, act=_mixed),
    )
}
