"""A simulation's pictures: utilisation, waiting and shares of each tenant, assignments a second, where the time goes."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from simulation.figures import Figures, at_work, busy_window, per_second
from simulation.plan import Plan
from simulation.recorder import Recorder

POINTS = 400


def draw(plan: Plan, recorder: Recorder, figures: Figures, costs: dict[str, float], title: str, folder: Path) -> Path:
    """Write one PNG with all pictures; `costs` are processor seconds of each process. Returns its path."""
    pyplot.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    pictures, axes = pyplot.subplots(2, 3, figsize=(15, 8), layout="constrained")
    pictures.suptitle(title)
    _utilisation(axes[0][0], plan, recorder)
    _assignments(axes[0][1], recorder)
    _waits(axes[0][2], figures)
    _shares(axes[1][0], figures)
    _stages(axes[1][1], figures)
    _costs(axes[1][2], costs)
    path = folder / "simulation.png"
    pictures.savefig(path, dpi=110)
    pyplot.close(pictures)
    return path


def _utilisation(axes: Axes, plan: Plan, recorder: Recorder) -> None:
    parts = list(recorder.parts.values())
    start = busy_window(parts)[0]
    end = max((part.drawn for part in parts), default=start)
    moments = [start + (end - start) * at / POINTS for at in range(POINTS + 1)]
    slots = plan.nodes * plan.slots
    axes.fill_between([m - start for m in moments], [100 * count / slots for count in at_work(parts, moments)], step="mid", alpha=0.6)
    axes.axvline(busy_window(parts)[1] - start, linestyle=":", color="black", label="nothing queued any more")
    axes.legend(loc="lower center")
    axes.set(title="slots at work", xlabel="seconds", ylabel="% of all slots", ylim=(0, 105))


def _assignments(axes: Axes, recorder: Recorder) -> None:
    parts = list(recorder.parts.values())
    start, end = busy_window(parts)
    axes.step(*per_second((part.ended for part in parts if part.end == "done"), start, max(end, start + 1)), where="post")
    axes.set(title="parts assigned and done", xlabel="seconds", ylabel="per second", ylim=(0, None))


def _waits(axes: Axes, figures: Figures) -> None:
    waits = {name: values for name, values in figures.waits.items() if values}
    if waits:
        axes.boxplot(list(waits.values()), tick_labels=list(waits), whis=(0, 100))
    axes.set(title="from submitted to started", ylabel="seconds", ylim=(0, None))


def _shares(axes: Axes, figures: Figures) -> None:
    axes.bar(list(figures.shares), list(figures.shares.values()))
    axes.set(title=f"slot seconds by weight while all had work (Jain {figures.fairness:.3f})", ylabel="seconds")


def _stages(axes: Axes, figures: Figures) -> None:
    axes.barh(list(figures.stages), [1000 * seconds for seconds in figures.stages.values()])
    axes.set(title="where a part's time goes (median)", xlabel="milliseconds", xscale="symlog")


def _costs(axes: Axes, costs: dict[str, float]) -> None:
    axes.barh(list(costs), list(costs.values()))
    axes.set(title="processor time while it ran", xlabel="seconds")
