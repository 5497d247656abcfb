"""`flatrender simulate`: a farm of simulated nodes on the real broker, database and scheduler."""

from pathlib import Path
from typing import Annotated

import typer

from cli.entry import fail
from cli.errors import Mistake
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def simulate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="throughput, busy, fair, queue, mixed; all without one.")
    ] = None,
    nodes: Annotated[int | None, typer.Option(min=1, max=5000, help="Simulated nodes.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, max=64, help="Slots of each node.")] = None,
    weights: Annotated[str, typer.Option(metavar="W,W,…", help="One tenant for each weight, 1 to 100.")] = "",
    crashes: Annotated[float | None, typer.Option(min=0, max=1, help="Share of parts in which an engine is killed.")] = None,
    deaths: Annotated[float | None, typer.Option(min=0, max=60, help="Deaths of each node per minute.")] = None,
    seconds: Annotated[float | None, typer.Option(min=5, max=3600, help="Longest time of a scenario.")] = None,
    seed: Annotated[int, typer.Option(help="What is random follows from it.")] = 1,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for report.json and simulation.png of each scenario.")] = Path(
        "simulation-report"
    ),
) -> None:
    """Run scenarios with nodes whose engine only waits; figures, pictures, and exit code 1 when a promise is missed."""
    try:
        from uvloop import new_event_loop  # a thousand simulated nodes share the machine with all that is measured

        from simulation.run import run as run_all
        from simulation.scenarios import SCENARIOS, Options
    except ModuleNotFoundError as error:
        raise Mistake(
            "simulation.missing", f"{error.name} is not installed", remedy="It comes with the extra `dev`: run `make env`."
        ) from error
    chosen = names or list(SCENARIOS)
    if unknown := [name for name in chosen if name not in SCENARIOS]:
        raise Mistake("simulation.scenario", f"there is no scenario {unknown[0]!r}", remedy=f"There are {', '.join(SCENARIOS)}.")
    options = Options(seed=seed, nodes=nodes, slots=slots, weights=_weights(weights), crashes=crashes, deaths=deaths, lasts=seconds)
    reports = run(run_all(chosen, options, out, lambda text: print(text, flush=True)), loop=new_event_loop)
    print(f"reports and pictures lie in {out}")
    if not all(report.kept for report in reports):
        fail()


def _weights(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    try:
        weights = tuple(int(word) for word in text.split(","))
    except ValueError:
        weights = ()
    if not weights or not all(1 <= weight <= 100 for weight in weights):
        raise Mistake("simulation.weights", f"{text!r} are no weights", remedy="Write numbers from 1 to 100 with commas: 1,1,4.")
    return weights
