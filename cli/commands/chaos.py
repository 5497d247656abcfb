"""`flatrender chaos`: kills parts, and lets nodes fail in every way, while films render."""

import typer

from cli.development import hand_on

app = typer.Typer(add_completion=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def chaos(context: typer.Context) -> None:
    """Kill parts at random, then let nodes fail in every way, while films render; check that nothing is lost, doubled or stale.

    --part all or --part farm makes one of the two; --help shows what else can be chosen.
    """
    hand_on("tests.chaos.run", context.args)
