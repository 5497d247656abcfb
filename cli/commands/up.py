"""`flatrender up`: the whole stack in the foreground."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Data
from cli.running import Stopped, run

app = typer.Typer(add_completion=False)


@app.command()
def up(
    data: Data = None,
    nodes: Annotated[int, typer.Option(min=0, max=64, help="Render nodes on this machine.")] = 2,
    slots: Annotated[int, typer.Option(min=1, max=64, help="Parts that each node draws at the same time.")] = 1,
) -> None:
    """Start everything on this machine, in the foreground; Ctrl-C stops all of it.

    The address, the API key and the servers' addresses also stand in DIR/stack.json while it runs.
    """
    try:
        run(_up(data, nodes, slots))
    except Stopped:
        print("all stopped")


async def _up(data: Path | None, nodes: int, slots: int) -> None:
    from cli.stack import stack

    async with stack(data, lambda text: print(text, flush=True), nodes, slots) as running:
        print(f"address   {running.url}")
        print(f"API key   {running.api_key}")
        print(f"try it    {running.url}/docs")
        print(f"data      {running.data} (stack.json has every address)")
        print("Ctrl-C stops everything.", flush=True)
        await asyncio.Event().wait()
