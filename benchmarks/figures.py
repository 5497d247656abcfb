"""One measured figure beside its floor, its target, and what a list of them looks like on paper."""

import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

WIDTH = 120  # columns: a narrower place than this would cut figures off


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """`ratio` is value to floor; `target` says in words what `met` was judged by (None: no target).

    `failed`: a bound on the ratio is missed, which no slower machine explains, as its floor would be lower too.
    """

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    target: str
    met: bool | None
    failed: bool
    limit: str  # one sentence: what limits it


class Bound(msgspec.Struct, frozen=True):
    """A condition on a figure: the `value`, or the `ratio` to its floor, is at least or at most a number."""

    of: Literal["value", "ratio"]
    least: float | None = None
    most: float | None = None

    def holds(self, value: float, ratio: float) -> bool:
        """Whether the figure keeps it."""
        given = value if self.of == "value" else ratio
        return (self.least is None or given >= self.least) and (self.most is None or given <= self.most)

    def __str__(self) -> str:
        sign, number = (">=", self.least) if self.least is not None else ("<=", self.most)
        return f"{self.of} {sign} {number:g}"


def figure(name: str, value: float, unit: str, floor: float, bounds: Sequence[Bound], limit: str, *, ratio: float | None = None) -> Figure:
    """Judge a measured value; `ratio` where it is not simply value to floor (the median of several rounds)."""
    part = value / floor if ratio is None and floor else ratio or 0.0
    met = all(bound.holds(value, part) for bound in bounds) if bounds else None
    return Figure(
        name=name,
        value=round(value, 3),
        unit=unit,
        floor=round(floor, 3),
        ratio=round(part, 4),
        target=" and ".join(map(str, bounds)),
        met=met,
        failed=any(bound.of == "ratio" and not bound.holds(value, part) for bound in bounds),
        limit=limit,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def show(figures: Sequence[Figure]) -> None:
    """Print a table, and below it what limits each figure."""
    table = Table(box=None, pad_edge=False)
    for heading in ("figure", "value", "unit", "floor", "ratio", "target", ""):
        table.add_column(heading, justify="right" if heading in ("value", "floor", "ratio") else "left", no_wrap=True)
    for one in figures:
        missed = "[red]missed[/]" if one.failed else "[yellow]missed here[/]"
        mark = {True: "[green]met[/]", False: missed, None: ""}[one.met]
        table.add_row(one.name, f"{one.value:,.1f}", one.unit, f"{one.floor:,.1f}", f"{one.ratio:.2f}", one.target, mark)
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    console.print(table)
    limits: dict[str, list[str]] = {}
    for one in figures:
        limits.setdefault(one.limit, []).append(one.name)
    for limit, names in limits.items():
        console.print(f"[dim]{', '.join(names)}:[/] {limit}")
