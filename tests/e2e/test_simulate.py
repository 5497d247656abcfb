"""The simulated farm: a small one, on the real broker, database and scheduler."""

from pathlib import Path

import msgspec
import pytest

from simulation.plan import Plan, jobs, tenants
from simulation.run import Report, simulate
from simulation.scenarios import SCENARIOS, Options, Promise, Scenario, all_jobs
from simulation.simulated_farm import SimulatedFarm

pytestmark = pytest.mark.timeout(180)
SEGMENTS = 12


def small(seed: int) -> Plan:
    work = tuple(job for tenant in range(2) for job in jobs(seed, tenant, 3, SEGMENTS, 4.0, over=1.0))
    shares = tenants(seed, (1, 3), max_slots=50)
    return Plan(seed=seed, nodes=6, slots=1, speed=40.0, lasts=90.0, tenants=shares, jobs=work, crashes=0.2, spread=0.2)


async def act(farm: SimulatedFarm) -> list[Promise]:
    found = await all_jobs(farm)
    return [
        Promise(name="unfinished", value=found.unfinished + found.failed, unit="", most=0),
        Promise(name="twice", value=found.twice, unit="", most=0),
        Promise(name="segments", value=len(farm.recorder.verified), unit="", least=6 * SEGMENTS, most=6 * SEGMENTS),
        Promise(name="crashes", value=sum(part.end == "failed" for part in farm.recorder.parts.values()), unit="", least=1),
    ]


async def test_every_segment_is_accepted_once_though_engines_crash_and_the_report_has_a_picture(tmp_path: Path) -> None:
    report = await simulate(Scenario(name="small", about="a test", plan=small, act=act), Options(seed=3), tmp_path)
    assert report.kept, report.promises
    assert msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report) == report
    assert (tmp_path / "simulation.png").stat().st_size > 20_000


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_makes_the_same_plan(name: str) -> None:
    assert SCENARIOS[name].planned(Options(seed=5)) == SCENARIOS[name].planned(Options(seed=5))
