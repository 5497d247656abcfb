"""`flatrender check`: do log, rows, EVENTS, archives, work and objects agree?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.entry import fail
from cli.options import Data, Json
from cli.running import run

app = typer.Typer(add_completion=False)
DIFFERS, NOT_LOOKED = 1, 2


@app.command()
def check(
    full: Annotated[bool, typer.Option("--full", help="Look at everything: replay the log, read every archive and object.")] = False,
    young: Annotated[bool, typer.Option("--young", help="Judge objects that are younger than an hour too: nothing is at work.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was compared before: a backup was restored.")] = False,
    stand: Annotated[bool, typer.Option("--stand", help="Look for ever, configured by FLATRENDER_… variables (a cluster).")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Compare what must agree: the log, the rows that it made, EVENTS, archives, cursors, effects, timers, outboxes, inboxes, objects.

    Looks at what came since the last check, and a bit of the rest. What differs counts when it still does ten seconds later.
    0 when all agrees, 1 with what differs, 2 when it could not look. Needs a running stack, which does the same by itself each minute.
    """
    if stand:
        from adapters.settings import Settings
        from deploy.check.background import run as stand_by

        stand_by(Settings())
        return
    if (code := run(_check(full, young, reset, data, json))) != 0:
        fail(code)


async def _check(full: bool, young: bool, reset: bool, data: Path | None, json: bool) -> int:
    import msgspec

    from cli.errors import Mistake
    from cli.standing_check import checked, lines
    from deploy.check.fast import NotLooked
    from deploy.local.errors import StackError

    try:
        report = await checked(data, full=full, young=young, reset=reset)
    except (Mistake, StackError, NotLooked) as error:
        print("\n".join(error.lines) if isinstance(error, Mistake) else error, file=sys.stderr)
        return NOT_LOOKED
    if json:
        print(msgspec.json.encode({"agrees": report.agrees, **msgspec.to_builtins(report)}).decode())
    else:
        print("\n".join(lines(report)))
    return 0 if report.agrees else DIFFERS
