"""A leader and its standby, two real processes, carry out effects upon a counting world while they are killed, stopped and cut off."""

from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.chaos.effects.harness import FAULTS, effects_under_faults
from tests.support.chance import chance
from tests.support.databases import migrated


@pytest.mark.timeout(240)
async def test_whatever_befalls_the_leader_nothing_is_done_twice_and_what_can_be_asked_once(servers: Servers, tmp_path: Path) -> None:
    async with migrated(servers.pg_admin_dsn) as dsn:
        found = await effects_under_faults(
            dsn, tmp_path / "members.log", each=400, faults=FAULTS * 2, chance=chance("effects"), hasty=True, notice=print
        )
    print(found)
    assert found.violations == []
    assert len(found.faults) == 6 and found.asked > 0
