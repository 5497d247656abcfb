"""What a run was: kills, recoveries, figures and violations; printed as a table and written as JSON."""

import statistics
from collections import Counter

import msgspec

LEASE = 6.0  # seconds: within this much everything recovers from a single death (I9)


class Kill(msgspec.Struct, kw_only=True):
    """One kill; `seconds` to recovery are measured for those that came alone."""

    victim: str
    at: float  # seconds from the start
    alone: bool
    seconds: float | None = None


class Report(msgspec.Struct, kw_only=True):
    """All of a run."""

    seed: int
    seconds: float = 0.0
    kills: list[Kill] = []
    figures: dict[str, int] = {}
    tries: dict[str, int] = {}
    violations: list[str] = []

    def table(self) -> str:
        """For a person."""
        lines = [f"{'victim':<20}{'kills':>6}{'alone':>7}{'median s':>10}{'max s':>8}"]
        count = Counter(kill.victim for kill in self.kills)
        for victim in sorted(count):
            times = [kill.seconds for kill in self.kills if kill.victim == victim and kill.seconds is not None]
            middle, most = (f"{statistics.median(times):.1f}", f"{max(times):.1f}") if times else ("-", "-")
            lines.append(f"{victim:<20}{count[victim]:>6}{len(times):>7}{middle:>10}{most:>8}")
        times = [kill.seconds for kill in self.kills if kill.seconds is not None]
        if times:
            slow = sum(one > LEASE for one in times)
            lines.append(f"{'all':<20}{len(self.kills):>6}{len(times):>7}{statistics.median(times):>10.1f}{max(times):>8.1f}")
            lines.append(f"recoveries over the lease of {LEASE:.0f} s: {slow} of {len(times)}")
        lines += [f"{name}: {value:,}" for name, value in self.figures.items()]
        lines.append("answers: " + ", ".join(f"{name} x{count:,}" for name, count in sorted(self.tries.items())))
        lines.append(f"{self.seconds:.0f} s, seed {self.seed}, {len(self.violations)} violations")
        return "\n".join([*lines, *(f"VIOLATION {text}" for text in self.violations)])
