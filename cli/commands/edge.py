"""`flatrender edge`: the HTTP API as a process of its own."""

import typer

app = typer.Typer(add_completion=False)


@app.command()
def edge() -> None:
    """Run the HTTP API alone, configured by FLATRENDER_… variables (docs/guides/cluster.md lists them)."""
    from adapters.settings import Settings
    from deploy.__main__ import edge as serve

    serve(Settings())
