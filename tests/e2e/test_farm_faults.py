"""A short run of the farm's faults, each kind once; `make chaos` makes a thousand."""

from pathlib import Path

import pytest

from tests.chaos.farm import FarmChaos
from tests.chaos.farm_stack import FarmStack
from tests.chaos.faults import WEIGHTS

SECONDS = 120.0  # after which no more faults are made, on a slow machine; usually they come within thirty seconds


@pytest.mark.timeout(420)
async def test_no_frame_is_lost_doubled_or_stale_while_nodes_fail_in_every_way(tmp_path: Path) -> None:
    async with FarmStack(tmp_path / "data", nodes=4) as stack:
        run = FarmChaos(
            stack, tmp_path / "films", faults=len(WEIGHTS), seed=11, alone=0, cancels=1, renderers=2, seconds=SECONDS, notice=print
        )
        report = await run.run()
    print(report.table())
    assert not report.violations, "\n".join(report.violations)
    assert len({fault.kind for fault in report.faults}) >= len(WEIGHTS) - 2, "the faults were to come while the farm works"
    assert report.figures["exports equal"] == report.figures["exports"] > 3
    assert report.figures["stale results accepted"] == 0 < report.figures["of them refused"]
