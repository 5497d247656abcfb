"""A short run of the kill tests, with each kind of mischief once; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.mischief import MISCHIEF
from tests.chaos.run import Chaos
from tests.chaos.twin_stack import TwinStack

KILLS, SECONDS = 8 + len(MISCHIEF), 150.0  # the time is for a slow machine; usually the kills come within twenty seconds


@pytest.mark.timeout(420)
async def test_nothing_is_lost_doubled_or_drawn_wrongly_while_parts_are_killed(tmp_path: Path) -> None:
    async with TwinStack(tmp_path / "data", nodes=2) as stack:
        report = await Chaos(stack, tmp_path / "films", kills=KILLS, seed=11, seconds=SECONDS, notice=print).run()
    print(report.table())
    assert not report.violations, "\n".join(report.violations)
    assert len(report.kills) >= KILLS // 2, "the kills were to happen while the product works"
    assert report.figures["commands accepted"] > 20
    assert report.figures["exports equal"] == report.figures["exports"] > 0
