"""Runs scenarios and writes their reports: figures as JSON and text, pictures as PNG."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from adapters import collector
from simulation import pictures
from simulation.costs import processor_seconds
from simulation.figures import Figures, figures
from simulation.plan import Plan
from simulation.scenarios import SCENARIOS, Options, Promise, Scenario
from simulation.simulated_farm import simulated_farm


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation."""

    scenario: str
    about: str
    seed: int
    nodes: int
    slots: int
    seconds: float
    promises: tuple[Promise, ...]
    figures: Figures
    costs: dict[str, float]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(promise.kept for promise in self.promises)


async def simulate(scenario: Scenario, options: Options, folder: Path) -> Report:
    """Run one scenario on a farm of its own; report.json and simulation.png lie in `folder` afterwards."""
    plan = scenario.planned(options)
    async with simulated_farm(plan) as farm:
        collector.relax()
        before, begun = processor_seconds(), time.monotonic()
        promises = await scenario.act(farm)
        lasted = time.monotonic() - begun
        costs = _spent(before, farm.spent or processor_seconds())
        await farm.read_parts()
        found = figures(plan, farm.recorder)
        report = _report(scenario, plan, promises, found, costs, lasted)
        title = f"{scenario.name}: {scenario.about} (seed {plan.seed}, {plan.nodes} nodes with {plan.slots} slots, {lasted:.0f} s)"
        await asyncio.to_thread(_write, report, folder)
        await asyncio.to_thread(pictures.draw, plan, farm.recorder, found, costs, title, folder)
    return report


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))


def _spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    spent = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    return {name: round(seconds, 2) for name, seconds in sorted(spent.items(), key=lambda entry: entry[1]) if seconds > 0.05}


def _report(scenario: Scenario, plan: Plan, promises: Sequence[Promise], found: Figures, costs: dict[str, float], lasted: float) -> Report:
    return Report(
        scenario=scenario.name,
        about=scenario.about,
        seed=plan.seed,
        nodes=plan.nodes,
        slots=plan.slots,
        seconds=lasted,
        promises=tuple(promises),
        figures=found,
        costs=costs,
    )


async def run(names: Sequence[str], options: Options, folder: Path, say: Callable[[str], None]) -> list[Report]:
    """Run scenarios one after the other."""
    reports = []
    for name in names:
        say(f"{name}: {SCENARIOS[name].about} …")
        report = await simulate(SCENARIOS[name], options, folder / name)
        for line in lines(report):
            say(line)
        reports.append(report)
    return reports


def lines(report: Report) -> list[str]:
    """A report in words."""
    found = report.figures
    told = [f"  {promise.name}: {promise.value:,.3f} {promise.unit} {_bound(promise)}".rstrip() for promise in report.promises]
    told.append(
        f"  {report.nodes:,} nodes with {report.slots} slots, {found.parts:,} parts,"
        f" {found.assignments_per_second:,.0f}/s, slots at work {100 * found.utilisation:.1f} %,"
        f" Jain {found.fairness:.3f}"
    )
    told.append("  processor: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.costs.items()))
    return told


def _bound(promise: Promise) -> str:
    if promise.least is None and promise.most is None:
        return ""
    bound = f">= {promise.least:g}" if promise.least is not None else f"<= {promise.most:g}"
    return f"({bound}: {'kept' if promise.kept else 'MISSED'})"
