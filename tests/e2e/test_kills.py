"""A short run of the kill tests; `make chaos` is the long one."""

from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.chaos.run import Chaos

KILLS, SECONDS = 9, 120.0  # the time is for a slow machine; usually the kills come within twenty seconds


@pytest.mark.timeout(420)
async def test_nothing_is_lost_doubled_or_drawn_wrongly_while_parts_are_killed(stack: Stack, tmp_path: Path) -> None:
    report = await Chaos(stack, tmp_path, kills=KILLS, seed=11, seconds=SECONDS, notice=print).run()
    print(report.table())
    assert not report.violations, "\n".join(report.violations)
    assert len(report.kills) >= KILLS // 2, "the kills were to happen while the product works"
    assert report.figures["commands accepted"] > 20
    assert report.figures["exports equal"] == report.figures["exports"] > 0
