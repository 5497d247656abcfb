"""`flatrender chaos`: kills parts, and lets nodes and effects fail in every way, while films render."""

import typer

from cli.development import hand_on

app = typer.Typer(add_completion=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def chaos(context: typer.Context) -> None:
    """Kill parts at random, let nodes fail in every way, and who carries out effects; check that nothing is lost, doubled or stale.

    --part all, farm or effects makes one of the three; --help shows what else can be chosen.
    """
    hand_on("tests.chaos.run", context.args)
