"""`flatrender doctor`: can this machine run FlatRender, and what is to be done where it cannot?"""

from typing import Annotated

import typer

from cli.entry import fail
from cli.options import Data
from cli.running import run

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    data: Data = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what starts something: the engine and the servers.")] = False,
) -> None:
    """Check Python, the C library, packages, disk, ports, fonts, the engine and the servers; 1 when something fails."""
    from cli import doctor_checks

    failed = 0
    for check in doctor_checks.checks(data, quick):
        print(f"{check.name:<10} ", end="", flush=True)
        finding = run(check.look())
        failed += not finding.good
        print(("ok    " if finding.good else "FAIL  ") + finding.text, flush=True)
        if finding.advice:
            print(f"{'':<17}{finding.advice}")
    if failed:
        print(f"{failed} of the checks failed")
        fail()
    print("this machine can run FlatRender")
