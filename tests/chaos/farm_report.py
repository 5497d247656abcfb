"""What a run of the farm part was: faults and how work went on after them, figures and violations."""

import statistics
from collections import Counter
from collections.abc import Sequence

import msgspec

from tests.chaos.faults import WEIGHTS, Fault

TARGETS = {
    "engine killed": "retry < 1 s",
    "engine hangs": "found in 10 s",
    "daemon killed": "elsewhere < 10 s",
    "node killed": "elsewhere < 10 s",
    "node held up past the lease": "elsewhere < 10 s",
    "cut off past the lease": "elsewhere < 10 s",
    "cancel": "engine dead < 1 s",
}
HEAD = f"{'fault':<29}{'count':>6}{'alone':>7}{'median s':>10}{'most s':>8}{'all':>7}{'median s':>10}{'most s':>8}  {'target':<18}"


class FarmReport(msgspec.Struct, kw_only=True):
    """All of a run; `seconds` of faults are from the fault to the first frame that was drawn of what it stopped."""

    seed: int
    seconds: float = 0.0
    faults: list[Fault] = []
    cancels: list[float] = []
    repeats: dict[str, dict[str, int]] = {}
    figures: dict[str, int] = {}
    violations: list[str] = []

    def table(self) -> str:
        """For a person. Beside each other: faults that nothing else disturbed, and all after which something had to go on."""
        lines = [HEAD]
        for kind in WEIGHTS:
            mine = [fault for fault in self.faults if fault.kind == kind]
            measured = [fault for fault in mine if fault.seconds is not None]
            alone = [fault.seconds for fault in measured if fault.alone]
            lines.append(_line(kind, len(mine), alone, [fault.seconds for fault in measured]))
        lines.append(_line("cancel", len(self.cancels), self.cancels, self.cancels))
        lines += self._ways()
        count = Counter(fault.went_on for fault in self.faults if fault.went_on)
        lines.append(f"{len(self.faults)} faults; work went on: " + ", ".join(f"{how} {n}" for how, n in count.most_common()))
        for kind, outcomes in self.repeats.items():
            lines.append(f"sent {kind}: " + ", ".join(f"{what} x{n}" for what, n in sorted(outcomes.items())))
        lines += [f"{name}: {value:,}" for name, value in self.figures.items()]
        lines.append(f"{self.seconds:.0f} s, seed {self.seed}, {len(self.violations)} violations")
        return "\n".join([*lines, *(f"VIOLATION {text}" for text in self.violations)])

    def _ways(self) -> list[str]:
        """Where the time went until lost work was drawn again: finding out, waiting for a slot, beginning."""
        lines = []
        for kind in WEIGHTS:
            lost = [fault for fault in self.faults if fault.kind == kind and fault.lease_over is not None]
            if lost:
                steps = {"lease over": "lease_over", "given again": "given", "drawn": "seconds"}
                times = ", ".join(f"{step} {_median(lost, name):.1f} s" for step, name in steps.items())
                lines.append(f"{kind}: {len(lost)} cost a lease; medians: {times}")
        return lines


def _median(faults: Sequence[Fault], name: str) -> float:
    return statistics.median(getattr(fault, name) for fault in faults)


def _line(name: str, count: int, alone: Sequence[float | None], all_: Sequence[float | None]) -> str:
    return f"{name:<29}{count:>6}{_times(alone)}{_times(all_)}  {TARGETS.get(name, '')}".rstrip()


def _times(seconds: Sequence[float | None]) -> str:
    known = [one for one in seconds if one is not None]
    middle, most = (f"{statistics.median(known):.2f}", f"{max(known):.2f}") if known else ("-", "-")
    return f"{len(known):>7}{middle:>10}{most:>8}"
