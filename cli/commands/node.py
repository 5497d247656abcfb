"""`flatrender node`: one render node as a process of its own."""

import typer

app = typer.Typer(add_completion=False)


@app.command()
def node() -> None:
    """Run one render node, configured by FLATRENDER_… variables (docs/guides/cluster.md lists them); SIGTERM drains it."""
    from node_worker.__main__ import main

    raise typer.Exit(main())
