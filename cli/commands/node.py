"""`flatrender node`: one render node as a process of its own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import Url

app = typer.Typer(add_completion=False)


@app.command()
def node(
    join: Annotated[
        str | None,
        typer.Option(
            "--join", envvar="FLATRENDER_NODE_JOIN", metavar="TOKEN", help="Join a farm, once; needed until there is an identity."
        ),
    ] = None,
    url: Url = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What people call it; the machine's name unless told.")] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, max=64, help="How many parts it draws at a time (1).")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", file_okay=False, help="Its identity, cache and spool; or FLATRENDER_DATA.")
    ] = None,
) -> None:
    """Run one render node; SIGTERM drains it.

    The first time: `--join TOKEN --url URL`, with a token of `flatrender join-tokens create`. Its identity stays in its data folder,
    so that later starts need neither. All else is told by FLATRENDER_… variables (docs/guides/cluster.md lists them).
    Ends with 2 for what a person has to change, 3 when the farm has revoked it.
    """
    from node_worker.__main__ import main

    given: dict[str, Any] = {"node_name": name, "node_slots": slots, "data": data}
    raise typer.Exit(main(join or "", url or "", **{key: value for key, value in given.items() if value is not None}))
