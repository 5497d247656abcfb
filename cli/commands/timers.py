"""`flatrender timers`: what waits for its moment, and what was set aside."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Data, Json, PgDsn
from cli.running import run

app = typer.Typer(add_completion=False, help="See timers that were set aside, or all.")


@app.callback()
def _group() -> None:
    """A group, though it has one command so far."""


@app.command("list")
def list_(
    data: Data = None,
    pg_dsn: PgDsn = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that wait for their moment too, up to 1000 of each domain.")] = False,
    json: Json = False,
) -> None:
    """Show every timer that was set aside, with the reason.

    One whose command is in quarantine goes on when that is driven again; one that could not be read, with a release that can. Needs
    PostgreSQL only, and starts it from the data folder where it is not running.
    """
    run(_list(data, pg_dsn, all_, json))


async def _list(data: Path | None, dsn: str | None, everything: bool, json: bool) -> None:
    import msgspec

    from cli.database import database
    from consumers.runtime.timers import listing
    from contracts.domains import DOMAINS

    async with database(data, dsn) as found, found.connection() as conn:
        rows = [row for domain in DOMAINS for row in await listing(conn, domain, only_aside=not everything)]
    for row in rows:
        again = f", {row.rule} in {row.zone}" if row.rule else ""
        text = f"{row.due_at:%Y-%m-%d %H:%M:%S}  {row.domain}: {row.name}  tenant {row.tenant_id}{again}"
        if row.set_aside:
            text += f"\n    set aside: {row.set_aside}"
        print(msgspec.json.encode(row).decode() if json else text)
    if not (rows or json):
        print("no timer waits" if everything else "no timer is set aside")
