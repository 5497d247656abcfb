"""`flatrender bench`: measures this machine."""

import typer

from cli.development import hand_on

app = typer.Typer(add_completion=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure this machine, each figure beside its floor, and write bench.json; --help shows what can be chosen."""
    hand_on("benchmarks.run", context.args)
