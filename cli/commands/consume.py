"""`flatrender consume`: domains' consumers and the log as a process of its own."""

from typing import Annotated

import typer

from contracts.domains import DOMAINS

app = typer.Typer(add_completion=False)


@app.command()
def consume(
    domains: Annotated[list[str] | None, typer.Argument(metavar="[DOMAIN…]", help=f"{', '.join(DOMAINS)}, log; without any: all.")] = None,
) -> None:
    """Run domains' consumers and the log alone, configured by FLATRENDER_… variables (docs/guides/cluster.md lists them)."""
    unknown = sorted(set(domains or ()) - {*DOMAINS, "log"})
    if unknown:
        raise typer.BadParameter(f"there is no domain {', '.join(unknown)}; there are {', '.join(DOMAINS)} and log")
    from adapters.settings import Settings
    from deploy.consume import consume as work

    work(Settings(), domains or [])
