"""`flatrender chaos`: kills parts while films render."""

import typer

from cli.development import hand_on

app = typer.Typer(add_completion=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def chaos(context: typer.Context) -> None:
    """Kill parts at random while films render, and check that nothing is lost; --help shows what can be chosen."""
    hand_on("tests.chaos.run", context.args)
