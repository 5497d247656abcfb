"""The part `effects` of `flatrender chaos`: rounds of effects upon the counting world while their leader is killed, stopped and cut off."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from deploy.local.servers import Servers
from tests.chaos.effects.harness import FAULTS, Found, effects_under_faults
from tests.support.databases import migrated

EACH = 200  # effects of each kind in a round
ROUND = 6  # faults in a round


class EffectsReport(msgspec.Struct):
    """What came of all rounds."""

    seed: int
    seconds: float = 0.0
    rounds: list[Found] = []

    @property
    def violations(self) -> list[str]:
        """What must not be, of every round."""
        return [text for found in self.rounds for text in found.violations]

    def table(self) -> str:
        """For a person."""
        faults = Counter(fault for found in self.rounds for fault in found.faults)
        done, asked, unknown = (sum(getattr(found, name) for found in self.rounds) for name in ("done", "asked", "unknown"))
        lines = [
            ", ".join(f"{kind} {count}" for kind, count in sorted(faults.items())),
            f"{sum(found.effects for found in self.rounds):,} effects; the world did {done:,}, and was asked {asked:,} times what it had",
            f"{unknown} were left for a person, {sum(len(found.twice) for found in self.rounds)} done twice that must not be",
            f"{self.seconds:.0f} s, seed {self.seed}, {len(self.violations)} violations",
        ]
        return "\n".join([*lines, *(f"VIOLATION {text}" for text in self.violations)])


async def effects_chaos(folder: Path, faults: int, seed: int, seconds: float, notice: Callable[[str], None]) -> EffectsReport:
    """Rounds on servers of their own in `folder`, until so many faults were made or so many seconds are over."""
    chance, report, begun = random.Random(seed), EffectsReport(seed), time.monotonic()
    async with Servers(folder / "effects") as servers:
        made = 0
        while made < faults and time.monotonic() - begun < seconds:
            now = [chance.choice(FAULTS) for _ in range(min(ROUND, faults - made))]
            log = folder / f"effects-{len(report.rounds)}.log"
            async with migrated(servers.pg_admin_dsn) as dsn:
                report.rounds.append(await effects_under_faults(dsn, log, each=EACH, faults=now, chance=chance))
            made += len(now)
            notice(f"{made} faults, {len(report.violations)} violations, {time.monotonic() - begun:.0f} s")
    report.seconds = time.monotonic() - begun
    return report
